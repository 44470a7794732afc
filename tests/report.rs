use crate::common::{Work, assert_self_contained, tiny};
use serde_json::json;

fn pictures(html: &str, heading: &str) -> usize {
    let group = html
        .split(&format!("<h3>{heading}</h3>"))
        .nth(1)
        .unwrap_or_default();
    group.split("</ul>").next().unwrap().matches("<li>").count()
}

#[test]
fn a_finished_run_leaves_a_page_with_its_figures() {
    let work = Work::new();
    work.ok("tiny.json --name a");
    let html = work.read_text("runs/a/report.html");
    assert_self_contained(&html);
    let summary = work.read_json("runs/a/summary.json");
    for (path, digits) in [
        ("/test/mse", 6),
        ("/test/bce", 6),
        ("/test/psnr", 2),
        ("/baselines/pca/mse", 6),
        ("/baselines/mean/mse", 6),
    ] {
        let figure = summary.pointer(path).unwrap().as_f64().unwrap();
        let cell = format!("<td>{figure:.digits$}</td>");
        assert!(html.contains(&cell), "{path}: {cell}");
    }
    // 32 test images: ten of each group, and every layer and epoch.
    for heading in ["Best of each label", "Middle", "Worst"] {
        assert_eq!(pictures(&html, heading), 10, "{heading}");
    }
    let best = html.split("<h3>Best of each label</h3>").nth(1).unwrap();
    let best = best.split("</ul>").next().unwrap();
    for label in 0..10 {
        assert!(best.contains(&format!("label {label},")), "{label}");
    }
    let inspected = work.ok_json("inspect a --json");
    for layer in inspected["layers"].as_array().unwrap() {
        let name = format!("<b>{}</b>", layer["name"].as_str().unwrap());
        assert!(html.contains(&name), "{name}");
    }
    for epoch in 1..=2 {
        assert!(html.contains(&format!("<tr><th scope=\"row\">{epoch}</th>")));
    }
}

#[test]
fn every_kind_of_model_has_its_page() {
    let work = Work::new();
    let conv = json!({ "kind": "conv", "channels": [2, 3] });
    for (name, model, stacked) in [
        ("map", conv.clone(), 2),
        (
            "noisy",
            json!({ "kind": "denoising", "corruption": "gaussian", "of": tiny()["model"] }),
            3,
        ),
        (
            "sparse",
            json!({ "kind": "sparse", "penalty": { "kind": "top_k", "k": 1 }, "of": tiny()["model"] }),
            2,
        ),
        (
            "plane",
            json!({ "kind": "dense", "layers": [8], "code_size": 2 }),
            2,
        ),
    ] {
        let mut config = tiny();
        config["model"] = model;
        work.json("kind.json", &config);
        work.ok(&format!("kind.json --name {name}"));
        let html = work.read_text(&format!("runs/{name}/report.html"));
        assert_self_contained(&html);
        let shown = html.split("<h3>Best of each label</h3>").nth(1).unwrap();
        let shown = shown.split("</ul>").next().unwrap();
        assert_eq!(shown.matches("<img").count(), 10 * stacked, "{name}");
    }
}

#[test]
fn few_test_images_are_all_shown() {
    let work = Work::new();
    work.set("few", 40, 7, 2);
    work.ok("tiny.json --name few --set data.dir=few");
    let html = work.read_text("runs/few/report.html");
    assert_eq!(pictures(&html, "All, best first"), 7);
    assert!(!html.contains("<h3>Worst<"));
}

#[test]
fn compared_runs_share_a_page() {
    let work = Work::new();
    work.ok("tiny.json --name short --set train.epochs=1");
    work.ok("tiny.json --name wide --set train.epochs=4 --set model.code_size=9");
    let printed = work.ok("compare short wide --html page.html");
    assert!(printed.stderr.contains("page.html"), "{}", printed.stderr);
    let html = work.read_text("page.html");
    assert_self_contained(&html);
    assert!(html.contains("Rate-distortion"));
    for heading in ["runs/short, code", "runs/wide, code"] {
        assert!(html.contains(heading), "{heading}");
    }
    assert_eq!(html.matches("<h3>").count(), 3);
    let refused = work.refused(1, "compare short wide --html page.html");
    assert!(refused.contains("page.html: already exists"), "{refused}");
    work.ok("compare short --html page.html --force");
    // One code size makes no curve, and data that is gone is said.
    std::fs::rename(work.path("set"), work.path("gone")).unwrap();
    work.ok("compare short --html page.html --force");
    let html = work.read_text("page.html");
    assert!(!html.contains("Rate-distortion"));
    assert!(html.contains("test images could not be loaded"), "{html}");
}
