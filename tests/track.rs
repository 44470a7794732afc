use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Work, tiny};

/// What a server that stands for MLflow's was asked: method, path and body.
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Starts a server that answers with a status and, for 200, as MLflow does. Nobody listens once it is dropped.
struct Server {
    url: String,
    asked: Asked,
}

impl Server {
    fn new(status: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Asked::default();
        let noted = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let noted = Arc::clone(&noted);
                thread::spawn(move || serve(&stream.unwrap(), status, &noted));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<(String, Vec<u8>)> {
        self.asked.lock().unwrap().clone()
    }

    /// The bodies of the requests of a path.
    fn bodies(&self, path: &str) -> Vec<Value> {
        let asked = self.asked();
        let fitting = asked.iter().filter(|(line, _)| line.ends_with(path));
        fitting
            .map(|(_, body)| serde_json::from_slice(body).unwrap())
            .collect()
    }
}

fn serve(mut stream: &TcpStream, status: &str, asked: &Asked) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut length, mut chunked) = (String::new(), 0, false);
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_lowercase();
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.parse().unwrap();
            }
            chunked |= line == "transfer-encoding: chunked";
            if line.is_empty() {
                break;
            }
        }
        assert!(!chunked);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let words: Vec<&str> = first.split(' ').collect();
        let line = format!("{} {}", words[0], words[1]);
        let path = words[1].rsplit_once("/mlflow/");
        let answer = match path.map_or("", |(_, path)| path) {
            _ if !status.starts_with("200") => json!({ "message": "the disk is full\nand more" }),
            "experiments/search" => json!({}),
            "experiments/create" => json!({ "experiment_id": "7" }),
            "runs/create" => json!({ "run": { "info": {
                "run_id": "abc", "artifact_uri": "mlflow-artifacts:/7/abc/artifacts" } } }),
            path if path.starts_with("runs/get") => json!({ "run": { "info": {
                "run_id": "abc", "artifact_uri": "mlflow-artifacts:/7/abc/artifacts" } } }),
            _ => json!({}),
        };
        asked.lock().unwrap().push((line, body));
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all((head + &answer).as_bytes()).is_err() {
            return;
        }
    }
}

fn tracked(url: &str) -> Value {
    let mut config = tiny();
    config["track"] = json!({ "mlflow": url, "experiment": "bottles" });
    config
}

#[test]
fn a_training_is_tracked_and_goes_on_as_the_same_run() {
    let (work, server) = (Work::new(), Server::new("200 OK"));
    work.json("run.json", &tracked(&server.url));
    work.ok("run.json --set train.epochs=2");
    assert_eq!(
        server.bodies("experiments/create"),
        [json!({ "name": "bottles" })]
    );
    let created = &server.bodies("runs/create")[0];
    assert_eq!(
        [&created["experiment_id"], &created["run_name"]],
        ["7", "run"]
    );
    let batches = server.bodies("runs/log-batch");
    let all = |key: &str| -> Vec<Value> {
        let some = batches.iter().filter_map(|it| it[key].as_array());
        some.flatten().cloned().collect()
    };
    let parameters = all("params");
    assert!(
        parameters.contains(&json!({ "key": "train.epochs", "value": "2" })),
        "{parameters:?}"
    );
    assert!(
        parameters
            .iter()
            .all(|it| !it["key"].as_str().unwrap().starts_with("track"))
    );
    let losses: Vec<Value> = (all("metrics").into_iter())
        .filter(|it| it["key"] == "train/loss")
        .collect();
    let rows = work.read_text("runs/run/metrics.jsonl");
    let rows: Vec<Value> = rows
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(losses.len(), 2);
    for (loss, row) in losses.iter().zip(&rows) {
        assert_eq!(
            [&loss["value"], &loss["step"]],
            [&row["train/loss"], &row["step"]]
        );
    }
    let mse = &work.read_json("runs/run/summary.json")["test"]["mse"];
    assert!(
        all("metrics")
            .iter()
            .any(|it| it["key"] == "test/mse" && it["value"] == *mse)
    );
    let files: BTreeSet<String> = (server.asked().into_iter())
        .filter_map(|(line, _)| {
            Some(
                line.strip_prefix("PUT /api/2.0/mlflow-artifacts/artifacts/7/abc/artifacts/")?
                    .to_owned(),
            )
        })
        .collect();
    let expected = [
        "config.json",
        "metrics.jsonl",
        "report.html",
        "samples/epoch-0001.png",
        "samples/epoch-0002.png",
        "summary.json",
    ];
    assert_eq!(
        files.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
    let updates = server.bodies("runs/update");
    assert_eq!(updates.last().unwrap()["status"], "FINISHED");

    work.ok("resume run --set train.epochs=3");
    assert_eq!(server.bodies("runs/create").len(), 1);
    let updates = server.bodies("runs/update");
    assert_eq!(updates[1], json!({ "run_id": "abc", "status": "RUNNING" }));
}

/// The same weights come out, and nobody waits long.
#[test]
fn a_server_that_is_away_or_refuses_stops_nothing() {
    let work = Work::new();
    work.ok("tiny.json");
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let away = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let full = Server::new("500 Internal Server Error");
    let strict = Server::new("403 Forbidden");
    for (name, url, says) in [
        ("away", &away, "no answer: "),
        ("silent", &silent_url, "not everything could be sent"),
        (
            "full",
            &full.url,
            "answers 500 Internal Server Error: the disk is full",
        ),
        ("strict", &strict.url, "answers 403 Forbidden"),
    ] {
        let mut config = tracked(url);
        config["description"] = json!(name);
        work.json(&format!("{name}.json"), &config);
        let begin = Instant::now();
        let ended = work.ok(&format!("{name}.json"));
        assert!(begin.elapsed() < Duration::from_secs(60), "{name}");
        let warned = format!("warning: {url}: ");
        let line = ended
            .stderr
            .lines()
            .find(|it| it.starts_with(&warned) && it.contains(says));
        assert!(line.is_some(), "{name}: {ended:?}");
        work.assert_same("runs/tiny", &format!("runs/{name}"));
    }
}

#[test]
fn what_is_no_address_is_refused() {
    let work = Work::new();
    for url in ["127.0.0.1:5000", "ftp://a", "http://"] {
        work.json("run.json", &tracked(url));
        let refused = work.refused(2, "run.json");
        let says = format!(
            "track.mlflow: found \"{url}\"; allowed: an address that begins with http:// or https://"
        );
        assert!(refused.contains(&says), "{refused}");
    }
}
