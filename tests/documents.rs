use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::Work;

fn top(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of the README's rows about a config, by the config's name.
fn rows(readme: &str) -> Vec<(String, Vec<String>)> {
    let row = |line: &str| {
        let cells: Vec<String> = line
            .trim_matches('|')
            .split('|')
            .map(|it| it.trim().into())
            .collect();
        let name = cells
            .first()?
            .strip_prefix("[`")?
            .split('`')
            .next()?
            .to_owned();
        Some((name, cells))
    };
    readme
        .lines()
        .filter(|line| line.contains("](configs/"))
        .filter_map(row)
        .collect()
}

#[test]
fn the_readme_has_a_row_for_each_config_with_the_figures_that_its_description_gives() {
    let readme = top("README.md");
    let rows = rows(&readme);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let mut configs = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".json") || name == "schema.json" {
            continue;
        }
        configs += 1;
        let config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let description = config["description"].as_str().unwrap();
        let found = rows.iter().find(|(row, _)| *row == name);
        let (_, cells) = found.unwrap_or_else(|| panic!("README.md: no row for {name}"));
        // Name, what it is, code, test figure, baseline, time.
        let [_, _, _, figure, _, time] = cells.as_slice() else {
            panic!("README.md: {name}: {cells:?}");
        };
        for cell in [figure, time] {
            assert!(
                description.contains(cell.as_str()),
                "{name}: {cell:?} is not in {description:?}"
            );
        }
    }
    assert_eq!(rows.len(), configs, "a row for each config and no other");
}

#[test]
fn the_command_that_the_readme_tests_with_is_the_one_that_ci_runs() {
    let command = "cargo test --workspace";
    assert!(top("README.md").lines().any(|line| line.trim() == command));
    let step = format!("step \"tests\" {command}");
    assert!(top(".ci/run").lines().any(|line| line == step));
}

#[test]
fn the_readme_names_every_verb() {
    let readme = top("README.md");
    let help = Work::new().ok("--help").stdout;
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs: Vec<&str> = verbs
        .map_while(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() >= 10, "{verbs:?}");
    for verb in verbs {
        assert!(readme.contains(&format!("`hourglass {verb}")), "{verb}");
    }
}

#[test]
fn the_mistake_that_the_readme_shows_gets_the_answer_that_it_shows() {
    let readme = top("README.md");
    let shown = readme
        .lines()
        .find(|line| line.starts_with("error: my.json"))
        .unwrap();
    let work = Work::new();
    let config = r#"{
  "data":  { "dataset": "mnist" },
  "model": { "kind": "conv", "chanels": [16, 32] }
}"#;
    work.write("my.json", config);
    let ended = work.run("my.json");
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.lines().any(|line| line == shown),
        "{}",
        ended.stderr
    );
}
