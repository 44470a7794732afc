use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::Work;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn top(name: &str) -> String {
    let path = root().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Markdown file below a folder of the repository, by its path from there: hidden folders, what
/// was built and runs are left out.
fn markdown(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{folder}{name}");
        let left_out = name.starts_with('.') || ["target", "runs", "shared"].contains(&&*name);
        if entry.file_type().unwrap().is_dir() && !left_out {
            found.extend(markdown(&format!("{path}/")));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The README and the guide: what a user is told.
fn told() -> String {
    let guide = markdown("docs/");
    assert!(guide.len() >= 10, "{guide:?}");
    let pages = std::iter::once("README.md".to_owned()).chain(guide);
    pages.map(|page| top(&page)).collect()
}

/// The lines of a document outside of its blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !is_fence && !in_code
    })
}

/// The relative links of a document.
fn links(text: &str) -> Vec<&str> {
    let after = prose(text).flat_map(|line| line.split("](").skip(1));
    let targets = after.filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.contains("://")).collect()
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let titles = prose(text).filter(|line| line.starts_with('#'));
    let anchor = |title: &str| {
        let title = title.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars();
        let kept = kept.filter(|it| it.is_alphanumeric() || [' ', '-', '_'].contains(it));
        kept.collect::<String>().replace(' ', "-")
    };
    titles.map(anchor).collect()
}

/// What stands in backquotes.
fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
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
fn the_readme_is_short() {
    let readme = top("README.md");
    assert!(readme.len() <= 10_000, "{} bytes", readme.len());
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let pages = markdown("");
    assert!(
        pages.contains(&"docs/guide/README.md".to_owned()),
        "{pages:?}"
    );
    let mut count = 0;
    for page in pages {
        let text = top(&page);
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&page).parent().unwrap();
            let target = match file {
                "" => PathBuf::from(&page),
                file => folder.join(file),
            };
            assert!(
                root().join(&target).exists(),
                "{page}: {link}: no such file"
            );
            if !anchor.is_empty() {
                let known = anchors(&top(target.to_str().unwrap()));
                assert!(
                    known.contains(&anchor.to_owned()),
                    "{page}: {link}: no such heading"
                );
            }
            count += 1;
        }
    }
    assert!(count >= 50, "{count}");
}

#[test]
fn every_page_of_the_guide_is_in_its_index() {
    let index = top("docs/guide/README.md");
    let listed = links(&index);
    for page in markdown("docs/guide/") {
        let name = page.trim_start_matches("docs/guide/");
        assert!(name == "README.md" || listed.contains(&name), "{name}");
    }
}

#[test]
fn every_file_in_the_table_of_changes_exists() {
    let text = top("ARCHITECTURE.md");
    let (_, rest) = text.split_once("## Where a change goes\n").unwrap();
    let table = rest.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let mut count = 0;
    for row in rows {
        let files = code_spans(row)
            .into_iter()
            .filter(|span| span.contains('/'));
        let files: Vec<&str> = files.collect();
        assert!(
            !files.is_empty(),
            "no path from the top of the repository: {row}"
        );
        for file in &files {
            assert!(root().join(file).exists(), "{file}: {row}");
        }
        count += files.len();
    }
    assert!(count >= 20, "{count}");
}

#[test]
fn the_readme_shows_six_rows_of_the_results() {
    let (readme, results) = (top("README.md"), top("RESULTS.md"));
    let shown = blocks(&readme);
    let [("highlights", table)] = shown.as_slice() else {
        panic!("README.md: found {shown:?}, not one table");
    };
    let rows: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(rows.len(), 6, "{rows:?}");
    let known = blocks(&results);
    for row in rows {
        // Task, how it is done, figures, baseline, what was published.
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, _, figures, baseline, published] = cells.as_slice() else {
            panic!("{row}");
        };
        let pair = format!(" | {figures} | {baseline} | ");
        let mut lines = known.iter().flat_map(|(_, text)| text.lines());
        let line = lines.find(|line| line.contains(&pair));
        let line = line.unwrap_or_else(|| {
            panic!("{row}: not in RESULTS.md; scripts/reproduce.sh --tables writes both")
        });
        assert!(*published == "-" || line.contains(published), "{row}");
    }
}

#[test]
fn the_tables_of_figures_are_in_results_alone() {
    let results = top("RESULTS.md");
    let names = blocks(&results).into_iter().map(|(name, _)| name);
    let names: Vec<&str> = names.collect();
    assert_eq!(
        names,
        [
            "notes",
            "configs",
            "restoration",
            "uses",
            "choices",
            "depths",
            "formats",
            "rates",
            "figures",
            "runs"
        ]
    );
    for page in markdown("docs/") {
        assert!(blocks(&top(&page)).is_empty(), "{page}");
    }
}

#[test]
fn each_config_has_a_row_whose_figures_its_description_gives() {
    let results = top("RESULTS.md");
    let tables = blocks(&results).into_iter();
    let tables = tables.filter(|(name, _)| ["configs", "restoration"].contains(name));
    let lines: Vec<&str> = tables.flat_map(|(_, text)| text.lines()).collect();
    let folder = root().join("configs");
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
            panic!("RESULTS.md: {name}: found {} rows, not one", rows.len());
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
    let step = format!("\"$1\" tests {command}");
    assert!(top(".ci/run").lines().any(|line| line.trim() == step));
}

/// The verbs of the command line.
fn verbs(work: &Work) -> Vec<String> {
    let help = work.ok("--help").stdout;
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs: Vec<String> = verbs
        .map_while(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .map(str::to_owned)
        .collect();
    assert!(verbs.len() >= 10, "{verbs:?}");
    verbs
}

#[test]
fn the_readme_and_the_guide_name_every_verb() {
    let (readme, commands) = (top("README.md"), top("docs/guide/commands.md"));
    let short = code_spans(&readme);
    for verb in verbs(&Work::new()) {
        assert!(short.contains(&&*verb), "README.md: {verb}");
        let row = format!("| `hourglass {verb}");
        assert!(
            commands.lines().any(|line| line.starts_with(&row)),
            "{verb}"
        );
    }
}

#[test]
fn the_page_of_commands_names_every_option() {
    let work = Work::new();
    let page = top("docs/guide/commands.md");
    let named: BTreeSet<&str> = code_spans(&page)
        .into_iter()
        .filter_map(|span| span.split_whitespace().find(|word| word.starts_with("--")))
        .collect();
    let mut all = verbs(&work);
    all.push(String::new());
    let mut count = 0;
    for verb in all {
        let help = work.ok(format!("{verb} --help").trim()).stdout;
        let options = help.lines().filter_map(|line| {
            let option = line
                .trim_start()
                .trim_start_matches("-o, ")
                .trim_start_matches("-h, ");
            let option = option.trim_start_matches("-V, ");
            option
                .starts_with("--")
                .then(|| option.split([' ', '=']).next())?
        });
        for option in options {
            assert!(named.contains(option), "{verb} {option}");
            count += 1;
        }
    }
    assert!(count >= 100, "{count}");
}

/// The names of all properties in a JSON Schema.
fn properties(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(own)) = map.get("properties") {
                names.extend(own.keys().cloned());
            }
            map.values().for_each(|value| properties(value, names));
        }
        Value::Array(values) => values.iter().for_each(|value| properties(value, names)),
        _ => (),
    }
}

/// The words that a JSON Schema allows as values.
fn words(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            found.extend(map.get("const").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| words(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| words(value, found)),
        _ => (),
    }
}

#[test]
fn the_page_of_configs_has_every_key_and_every_word() {
    let page = top("docs/guide/configs.md");
    let schema: Value = serde_json::from_str(&top("configs/schema.json")).unwrap();
    let mut names = BTreeSet::new();
    properties(&schema, &mut names);
    assert!(names.len() >= 60, "{names:?}");
    words(&schema, &mut names);
    let (_, keys) = page.split_once("## Every key\n").unwrap();
    let spans = code_spans(keys);
    for name in names {
        let quoted = format!("\"{name}\"");
        let is_there = spans.iter().any(|it| *it == name || it.contains(&quoted));
        assert!(is_there, "docs/guide/configs.md: {name}");
    }
}

#[test]
fn the_mistake_that_the_guide_shows_gets_the_answer_that_it_shows() {
    let told = told();
    let shown = told
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

#[test]
fn the_program_in_the_readme_is_an_example() {
    let example = top("crates/hourglass/examples/quickstart.rs");
    let code = &example[example.find("use std").unwrap()..];
    assert!(top("README.md").contains(&format!("```rust\n{code}```")));
}
