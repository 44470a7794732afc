//! Backends: which were compiled in, which find their hardware, and the device of the chosen one.

use std::sync::OnceLock;

use burn::prelude::*;

use crate::config::BackendChoice;

/// A backend that can be trained on, with its device.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name in configs, which is also the name of the cargo feature.
    pub name: &'static str,
    /// The name of the hardware it found.
    pub adapter: String,
    /// The device, without autodiff.
    pub device: Device,
    /// Whether its tensors are in host memory.
    pub on_host: bool,
    /// Whether it runs on real hardware, and not on a software graphics driver.
    pub is_hardware: bool,
}

/// Why a backend is not available.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It was left out when the program was built.
    #[error(
        "backend {name}: not compiled into this program, which has {compiled}; \
         to enable it: cargo run -p runner --features {name} -- ..."
    )]
    NotCompiled {
        /// The backend asked for.
        name: &'static str,
        /// The backends that were compiled in.
        compiled: String,
    },
    /// It was compiled in, but finds no hardware.
    #[error(
        "backend {name}: no adapter found; install a GPU driver (or a software driver, such as \
         Debian's mesa-vulkan-drivers for wgpu and vulkan), or use --backend {other}"
    )]
    NoAdapter {
        /// The backend asked for.
        name: &'static str,
        /// One that works.
        other: String,
    },
}

/// Every name that a config may use, and whether it was compiled in, best first: a GPU's native
/// interface before the portable one, and that before the CPU.
pub const ALL: [(BackendChoice, &str, bool); 7] = [
    (BackendChoice::Cuda, "cuda", cfg!(feature = "cuda")),
    (BackendChoice::Rocm, "rocm", cfg!(feature = "rocm")),
    (BackendChoice::Metal, "metal", cfg!(feature = "metal")),
    (BackendChoice::Vulkan, "vulkan", cfg!(feature = "vulkan")),
    (BackendChoice::Wgpu, "wgpu", cfg!(feature = "wgpu")),
    (BackendChoice::Flex, "flex", cfg!(feature = "flex")),
    (BackendChoice::Ndarray, "ndarray", cfg!(feature = "ndarray")),
];

/// The backend for a choice; `auto` takes the best one that was compiled in and finds hardware.
///
/// # Errors
/// If a named backend was not compiled in or finds no adapter. It is never replaced by another one.
pub fn open(choice: BackendChoice) -> Result<Backend, BackendError> {
    let compiled = || ALL.iter().filter(|(_, _, compiled)| *compiled);
    let Some(&(_, name, is_compiled)) = ALL.iter().find(|(named, _, _)| *named == choice) else {
        let found = || compiled().flat_map(|(choice, _, _)| adapters(*choice));
        return found()
            .find(|backend| backend.is_hardware)
            .or_else(|| found().next())
            .ok_or_else(|| BackendError::NoAdapter {
                name: compiled()
                    .map(|(_, name, _)| *name)
                    .next()
                    .unwrap_or("auto"),
                other: "flex, after cargo run -p runner --features flex -- ...".into(),
            });
    };
    if !is_compiled {
        let names: Vec<&str> = compiled().map(|(_, name, _)| *name).collect();
        return Err(BackendError::NotCompiled {
            name,
            compiled: names.join(", "),
        });
    }
    let mut found = adapters(choice);
    let best = found
        .iter()
        .position(|backend| backend.is_hardware)
        .unwrap_or(0);
    if found.is_empty() {
        let other = open(BackendChoice::Auto).map_or("flex", |backend| backend.name);
        return Err(BackendError::NoAdapter {
            name,
            other: other.into(),
        });
    }
    Ok(found.swap_remove(best))
}

/// The hardware that a backend can run on; empty if it was not compiled in, or finds none.
pub fn adapters(choice: BackendChoice) -> Vec<Backend> {
    match choice {
        #[cfg(feature = "flex")]
        BackendChoice::Flex => vec![host("flex", Device::flex())],
        #[cfg(feature = "ndarray")]
        BackendChoice::Ndarray => {
            // Burn recommends flex for new programs; ndarray is kept for comparison.
            #[allow(deprecated)]
            let device = Device::ndarray();
            vec![host("ndarray", device)]
        }
        #[cfg(feature = "wgpu")]
        BackendChoice::Wgpu => gpu("wgpu", burn::tensor::DeviceType::Wgpu),
        #[cfg(feature = "vulkan")]
        BackendChoice::Vulkan => gpu("vulkan", burn::tensor::DeviceType::Vulkan),
        #[cfg(feature = "metal")]
        BackendChoice::Metal => gpu("metal", burn::tensor::DeviceType::Metal),
        #[cfg(feature = "cuda")]
        BackendChoice::Cuda => gpu("cuda", burn::tensor::DeviceType::Cuda),
        #[cfg(feature = "rocm")]
        BackendChoice::Rocm => gpu("rocm", burn::tensor::DeviceType::Rocm),
        _ => Vec::new(),
    }
}

#[cfg(any(feature = "flex", feature = "ndarray"))]
fn host(name: &'static str, device: Device) -> Backend {
    Backend {
        name,
        adapter: format!("{}, {} threads", cpu(), rayon::current_num_threads()),
        device,
        on_host: true,
        is_hardware: true,
    }
}

#[cfg(feature = "gpu")]
fn gpu(name: &'static str, kind: burn::tensor::DeviceType) -> Vec<Backend> {
    // With missing or broken drivers some runtimes panic instead of listing no hardware.
    let devices = std::panic::catch_unwind(|| Device::enumerate(kind).into_vec());
    let open = |device: Device| {
        let identity = std::panic::catch_unwind(|| device.identity()).ok()??;
        Some(Backend {
            name,
            adapter: identity.name,
            device,
            on_host: false,
            is_hardware: identity.physical.is_some(),
        })
    };
    devices
        .unwrap_or_default()
        .into_iter()
        .filter_map(open)
        .collect()
}

/// The name of the CPU.
pub fn cpu() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let system = sysinfo::System::new_with_specifics(
            sysinfo::RefreshKind::nothing().with_cpu(sysinfo::CpuRefreshKind::nothing()),
        );
        let brand = system
            .ok()
            .and_then(|system| Some(system.cpus().first()?.brand().trim().to_owned()));
        brand
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "unknown CPU".into())
    })
}
