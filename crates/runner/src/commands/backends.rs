//! The backends that were compiled in, and the hardware that each of them finds.

use anyhow::Result;
use serde_json::json;

use super::DONE;
use crate::cli::BackendsArgs;
use crate::table::Table;
use crate::terminal;
use hourglass::backend::{self, Backend};
use hourglass::config::BackendChoice;

pub fn run(args: &BackendsArgs) -> Result<u8> {
    let auto = backend::open(BackendChoice::Auto).ok();
    let is_auto = |backend: &Backend| {
        (auto.as_ref())
            .is_some_and(|auto| auto.name == backend.name && auto.adapter == backend.adapter)
    };
    let found =
        backend::ALL.map(|(choice, name, compiled)| (name, compiled, backend::adapters(choice)));
    if args.json {
        let list: Vec<_> = found
            .iter()
            .map(|(name, compiled, adapters)| {
                let adapters: Vec<_> = adapters
                    .iter()
                    .map(|it| json!({"name": it.adapter, "hardware": it.is_hardware, "auto": is_auto(it)}))
                    .collect();
                json!({"backend": name, "compiled": compiled, "adapters": adapters})
            })
            .collect();
        terminal::print_json(&list)?;
        return Ok(DONE);
    }
    let mut rows = Vec::new();
    for (name, compiled, adapters) in &found {
        if adapters.is_empty() {
            let why = match compiled {
                true => "no adapter found".to_owned(),
                false => format!("not compiled in: cargo run -p runner --features {name} -- ..."),
            };
            rows.push([*name, &why, ""].map(str::to_owned).to_vec());
        }
        for adapter in adapters {
            let mark = match (is_auto(adapter), adapter.is_hardware) {
                (true, _) => "chosen by auto",
                (false, true) => "",
                (false, false) => "software, slow",
            };
            rows.push(
                [*name, adapter.adapter.as_str(), mark]
                    .map(str::to_owned)
                    .to_vec(),
            );
        }
    }
    let table = Table::new(&["backend", "adapter", ""], rows, 3);
    terminal::print(&table.text(terminal::width()))?;
    Ok(DONE)
}
