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

/// What stands between the markers of `scripts/reproduce.sh`: name and text.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    fn block(part: &str) -> Option<(&str, &str)> {
        let (name, rest) = part.split_once(" -->\n")?;
        Some((name, rest.split_once("<!-- /results -->")?.0))
    }
    let parts = text.split("<!-- results:").skip(1);
    let whole = |part| block(part).unwrap_or_else(|| panic!("a block without an end: {part:.60}"));
    parts.map(whole).collect()
}

/// The words of a text that are numbers.
fn numbers(text: &str) -> Vec<&str> {
    let words = text.split_whitespace();
    let words = words.map(|word| word.trim_matches(|it| ",;:.()".contains(it)));
    let is_number = |word: &&str| word.replace(',', "").parse::<f64>().is_ok();
    words.filter(is_number).collect()
}

/// The text outside of brackets, where a cell has its spread.
fn without_brackets(text: &str) -> String {
    let mut depth = 0;
    let outside = |letter: &char| {
        depth += i32::from(*letter == '(');
        let is_outside = depth == 0;
        depth -= i32::from(*letter == ')');
        is_outside
    };
    text.chars().filter(outside).collect()
}

#[test]
fn every_table_of_figures_in_the_readme_is_the_one_in_results() {
    let (readme, results) = (top("README.md"), top("RESULTS.md"));
    let known = blocks(&results);
    let shown = blocks(&readme);
    assert!(shown.len() >= 8, "{shown:?}");
    for block in shown {
        let name = block.0;
        assert!(
            known.contains(&block),
            "{name}: differs in README.md and RESULTS.md; scripts/reproduce.sh --tables writes both"
        );
    }
}

#[test]
fn each_config_has_a_row_whose_figures_its_description_gives() {
    let readme = top("README.md");
    let tables = blocks(&readme).into_iter();
    let tables = tables.filter(|(name, _)| ["configs", "restoration"].contains(name));
    let lines: Vec<&str> = tables.flat_map(|(_, text)| text.lines()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".json") || name == "schema.json" {
            continue;
        }
        let config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let description = config["description"].as_str().unwrap();
        let start = format!("| [`{name}`](configs/{name}) |");
        let rows: Vec<&&str> = lines.iter().filter(|it| it.starts_with(&start)).collect();
        let [row] = rows.as_slice() else {
            panic!("README.md: {name}: found {} rows, not one", rows.len());
        };
        // Name, what it is, code, test figure, baseline and more, time.
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let figures = without_brackets(cells[3]);
        let figures = numbers(&figures);
        assert!(!figures.is_empty(), "{name}: {cells:?}");
        let given = numbers(description);
        for figure in figures {
            assert!(
                given.contains(&figure),
                "{name}: {figure} is not in {description:?}"
            );
        }
        let time = cells[cells.len() - 1].trim_start_matches("about ");
        assert!(
            description.contains(&format!("; about {time} on ")),
            "{name}: {time:?} is not in {description:?}"
        );
    }
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
