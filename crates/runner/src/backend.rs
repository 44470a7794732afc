//! Backends: which were compiled in, which find their hardware, and the device of the one chosen.

use std::sync::OnceLock;

use burn::prelude::*;

use crate::config::BackendChoice;

/// A backend that can be trained on, with its device.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name in configs, which is that of the cargo feature too.
    pub name: &'static str,
    /// The hardware it found, as that names itself.
    pub adapter: String,
    /// The device, without autodiff.
    pub device: Device,
    /// Whether its tensors lie in the host's memory.
    pub on_host: bool,
    /// Whether there is hardware behind it: not so for a software driver of a graphics interface.
    pub is_hardware: bool,
}

/// Why a backend cannot be had.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It was left out when the program was built.
    #[error(
        "backend {name}: found a program built without it; compiled in are {compiled}; \
         to have it: cargo run -p runner --features {name} -- ..."
    )]
    NotCompiled {
        /// The backend asked for.
        name: &'static str,
        /// Those that are there.
        compiled: String,
    },
    /// It is compiled in, but finds nothing to run on.
    #[error(
        "backend {name}: found no adapter; it needs a GPU and its driver (or a software driver, \
         such as Debian's mesa-vulkan-drivers for wgpu and vulkan); or choose --backend {other}"
    )]
    NoAdapter {
        /// The backend asked for.
        name: &'static str,
        /// One that works.
        other: String,
    },
}

/// Every name that a config may give, with whether it was compiled in, best first: a GPU's own
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

/// The backend for a choice; `auto` takes the best that was compiled in and has hardware.
///
/// # Errors
/// A backend named but not compiled in, or without an adapter: never another one in its place.
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

/// What a backend that was compiled in can run on; empty if it was not, or finds nothing.
pub fn adapters(choice: BackendChoice) -> Vec<Backend> {
    match choice {
        #[cfg(feature = "flex")]
        BackendChoice::Flex => vec![host("flex", Device::flex())],
        #[cfg(feature = "ndarray")]
        BackendChoice::Ndarray => {
            // Burn asks new programs to take flex; it stays here to be compared with.
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
    // Drivers that are missing or broken make some runtimes panic instead of listing nothing.
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

/// The CPU as it names itself.
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
