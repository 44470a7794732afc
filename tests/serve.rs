use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use npyz::NpyFile;
use serde_json::{Value, json};

use crate::common::{SIDE, Work, tiny};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program while it serves; it ends with the value.
struct Served {
    child: Child,
    /// `127.0.0.1:PORT`.
    host: String,
}

/// What came back.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn floats(&self) -> Vec<f32> {
        assert_eq!(self.status, 200, "{}", self.text());
        let numbers = self.body.chunks_exact(4);
        numbers
            .map(|it| f32::from_le_bytes(it.try_into().unwrap()))
            .collect()
    }
}

impl Served {
    /// Serves the runs of a folder on any port.
    fn start(work: &Work) -> Self {
        Self::on(work, "127.0.0.1")
    }

    /// The same on an address.
    fn on(work: &Work, address: &str) -> Self {
        let mut child = work
            .command()
            .args(["serve", "--port", "0", "--host", address])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let host = line
            .trim_end()
            .strip_prefix("http://")
            .and_then(|it| it.strip_suffix('/'));
        let host = host.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        assert!(host.starts_with(&format!("{address}:")), "{host}");
        Self { child, host }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request as it stands and reads the answer to its end.
    fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // Who refuses may answer and close before all is written.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer {
            status,
            head: head.to_lowercase(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// A request with these lines in its head beside those that it needs.
    fn ask(&self, method: &str, path: &str, lines: &[&str], body: &[u8]) -> Answer {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        if !lines.iter().any(|line| line.starts_with("host:")) {
            head += &format!("host: {}\r\n", self.host);
        }
        for line in lines {
            head += &format!("{line}\r\n");
        }
        self.raw(&[head.as_bytes(), b"\r\n", body].concat())
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    fn post(&self, path: &str, values: &[f32]) -> Answer {
        let bytes: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.ask("POST", path, &[], &bytes)
    }

    /// The events about a run, as the name and the data of each.
    fn events(&self, run: &str) -> impl Iterator<Item = (String, String)> + use<> {
        let mut stream = self.connect();
        let request = format!(
            "GET /api/events/{run} HTTP/1.1\r\nhost: {}\r\n\r\n",
            self.host
        );
        stream.write_all(request.as_bytes()).unwrap();
        // The frames of the chunked encoding are lines of their own, which are no fields of an event.
        let mut lines = BufReader::new(stream).lines();
        std::iter::from_fn(move || {
            let mut name = None;
            loop {
                let line = lines.next()?.unwrap();
                if let Some(found) = line.strip_prefix("event: ") {
                    name = Some(found.to_owned());
                }
                if let (Some(name), Some(data)) = (&name, line.strip_prefix("data: ")) {
                    return Some((name.clone(), data.to_owned()));
                }
            }
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The values of an .npy file.
fn array(work: &Work, name: &str) -> Vec<f32> {
    NpyFile::new(work.read(name).as_slice())
        .unwrap()
        .into_vec()
        .unwrap()
}

/// The first test picture of `set`.
fn picture(work: &Work) -> Vec<f32> {
    let bytes = work.read("set/t10k-images-idx3-ubyte");
    bytes[16..16 + SIDE * SIDE]
        .iter()
        .map(|byte| f32::from(*byte) / 255.0)
        .collect()
}

fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance,
            "{found} is not {expected}"
        );
    }
}

#[test]
fn runs_are_listed_with_those_of_sweeps_and_broken_ones() {
    let work = Work::new();
    work.ok("tiny.json");
    work.copy("runs/tiny", "runs/grid/of one");
    work.copy("runs/tiny", "runs/broken");
    work.write("runs/broken/state.json", "{\"format_ver");
    work.write("runs/notes/readme.txt", "not a run");
    let served = Served::start(&work);
    let listing = served.get("/api/runs").json();
    let runs = listing["runs"].as_array().unwrap();
    let of = |name: &str| runs.iter().find(|run| run["name"] == name).unwrap();
    assert_eq!(runs.len(), 3, "{listing}");
    for name in ["tiny", "grid/of one"] {
        let run = of(name);
        assert_eq!(
            (&run["status"], &run["epoch"], &run["epochs"]),
            (&json!("finished"), &json!(2), &json!(2))
        );
        assert_eq!(
            (&run["kind"], &run["report"]),
            (&json!("dense"), &json!(true))
        );
        assert!(run["mse"].as_f64().is_some_and(|mse| mse > 0.0));
    }
    let problem = of("broken")["problem"].as_str().unwrap();
    assert!(
        problem.contains("state.json: not written by this program"),
        "{problem}"
    );
    let (name, text) = served.events("broken").next().unwrap();
    assert_eq!(name, "problem");
    assert!(text.contains("state.json"), "{text}");
    // And it goes on.
    assert_eq!(
        served.get("/api/details/grid/of%20one").json()["code_size"],
        4
    );
    work.copy("runs/tiny", "runs/later");
    assert_eq!(served.get("/api/details/later").status, 200);
}

#[test]
fn the_page_s_files_are_there_and_have_no_code_within_the_html() {
    let work = Work::new();
    work.ok("tiny.json");
    let served = Served::start(&work);
    let page = served.get("/");
    assert!(page.head.contains("content-type: text/html"));
    assert!(
        page.head.contains("script-src 'self'; style-src 'self'"),
        "{}",
        page.head
    );
    assert!(page.head.contains("frame-ancestors 'none'"));
    assert!(page.head.contains("x-content-type-options: nosniff"));
    let html = page.text();
    assert!(!html.contains("style=") && !html.contains("onclick") && !html.contains("<style"));
    let mut asked: Vec<String> = Vec::new();
    let addresses = |text: &str, before: &str| -> Vec<String> {
        let parts = text.split(before).skip(1);
        parts
            .map(|it| {
                it.split('"')
                    .next()
                    .unwrap()
                    .trim_start_matches("./")
                    .to_owned()
            })
            .collect()
    };
    let mut left = addresses(&html, "\"/assets/");
    while let Some(name) = left.pop() {
        if !asked.contains(&name) {
            let file = served.get(&format!("/assets/{name}"));
            assert_eq!(file.status, 200, "{name}");
            left.extend(addresses(&file.text(), "from \"./"));
            asked.push(name);
        }
    }
    assert!(asked.len() >= 10, "{asked:?}");

    let report = served.get("/report/tiny");
    assert_eq!(report.body, work.read("runs/tiny/report.html"));
    assert!(
        report
            .head
            .contains("script-src 'none'; style-src 'unsafe-inline'"),
        "{}",
        report.head
    );
    let sample = served.get("/api/sample/epoch-0002.png/tiny");
    assert_eq!(sample.body, work.read("runs/tiny/samples/epoch-0002.png"));
    assert!(sample.head.contains("content-type: image/png"));
}

#[test]
fn a_training_that_was_killed_is_not_shown_as_one() {
    let work = Work::new();
    work.ok("tiny.json");
    let mut state = work.read_json("runs/tiny/state.json");
    state["status"] = json!("running");
    work.json("runs/tiny/state.json", &state);
    // What the process that trains it holds as long as it lives.
    let lock = fs::File::open(work.path("runs/tiny/.lock")).unwrap();
    lock.lock().unwrap();
    let served = Served::start(&work);
    let mut events = served.events("tiny");
    let mut news = || -> Value { serde_json::from_str(&events.next().unwrap().1).unwrap() };
    assert_eq!(news()["status"], "running");
    assert_eq!(
        served.get("/api/runs").json()["runs"][0]["status"],
        "running"
    );
    drop(lock);
    let killed = news();
    assert_eq!(killed["status"], "interrupted");
    let message = killed["message"].as_str().unwrap();
    assert!(message.contains("hourglass resume"), "{message}");
    assert_eq!(
        served.get("/api/runs").json()["runs"][0]["status"],
        "interrupted"
    );
    // Looking does not lock it, and a training may begin while somebody looks.
    work.ok("resume tiny");
    assert_eq!(
        served.get("/api/runs").json()["runs"][0]["status"],
        "finished"
    );
}

#[test]
fn no_address_leads_out_of_the_runs() {
    let work = Work::new();
    work.ok("tiny.json");
    work.write("secret/config.json", "secret");
    work.write("secret/report.html", "secret");
    work.write("secret.png", "secret");
    #[cfg(unix)]
    {
        let link = |from: &str, to: &str| {
            std::os::unix::fs::symlink(work.path(from), work.path(to)).unwrap()
        };
        link("secret", "runs/link");
        work.copy("runs/tiny", "runs/linked");
        fs::remove_file(work.path("runs/linked/report.html")).unwrap();
        link("secret/report.html", "runs/linked/report.html");
        link("secret.png", "runs/linked/samples/epoch-0009.png");
    }
    let served = Served::start(&work);
    let absolute = work.path("secret").display().to_string();
    for path in [
        "/runs/../..",
        "/../secret/report.html",
        "/report/../secret",
        "/report/..",
        "/report/%2e%2e/secret",
        "/report/..%2fsecret",
        "/report/tiny/../../secret",
        "/report/tiny%2f..%2f..%2fsecret",
        "/report/tiny%00",
        "/report/tiny/",
        "/report/%2e/tiny",
        "/report/%ff",
        "/report/link",
        "/report/linked",
        &format!("/report/{absolute}"),
        &format!("/report/{}", absolute.replace('/', "%2f")),
        "/api/sample/..%2fconfig.json/tiny",
        "/api/sample/..%2f..%2f..%2fsecret.png/tiny",
        "/api/sample/epoch-0009.png/linked",
        "/api/sample/epoch-0001.png/..%2fruns%2ftiny",
        "/api/details/..%2fsecret",
        "/api/study/link",
        "/api/events/..%2fsecret",
        "/assets/..%2fmod.rs",
        "/config.json",
    ] {
        let answer = served.get(path);
        assert!(
            (400..500).contains(&answer.status),
            "{path}: {}",
            answer.status
        );
        assert!(!answer.text().contains("secret"), "{path}");
    }
    assert_eq!(served.get("/report/tiny").status, 200);
}

#[test]
fn other_names_and_other_pages_get_nothing() {
    let work = Work::new();
    work.ok("tiny.json");
    let served = Served::start(&work);
    let port = served.host.split(':').nth(1).unwrap();
    let own = format!("host: localhost:{port}");
    assert_eq!(served.ask("GET", "/api/runs", &[&own], b"").status, 200);
    for host in [
        "host: evil.example",
        "host: localhost",
        "host: 127.0.0.1:1",
        "host:",
    ] {
        assert_eq!(
            served.ask("GET", "/api/runs", &[host], b"").status,
            403,
            "{host}"
        );
    }
    let without = "GET / HTTP/1.1\r\nconnection: close\r\n\r\n";
    assert!((400..404).contains(&served.raw(without.as_bytes()).status));

    let code: Vec<u8> = [0f32; 4].iter().flat_map(|it| it.to_le_bytes()).collect();
    let decode = |lines: &[&str]| served.ask("POST", "/api/decode/tiny", lines, &code).status;
    let origin = format!("origin: http://{}", served.host);
    assert_eq!(decode(&[]), 200);
    assert_eq!(decode(&[&origin, "sec-fetch-site: same-origin"]), 200);
    for line in [
        "origin: http://evil.example",
        "origin: null",
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
    ] {
        assert_eq!(decode(&[line]), 403, "{line}");
    }
    let listed = |lines: &[&str]| served.ask("GET", "/api/runs", lines, b"").status;
    assert_eq!(
        listed(&["sec-fetch-site: cross-site", "sec-fetch-mode: no-cors"]),
        403
    );
}

#[test]
fn a_model_answers_as_the_commands_do() {
    let work = Work::new();
    work.ok("tiny.json --set train.epochs=5");
    work.ok("encode tiny set -o codes.npy");
    work.ok("decode tiny codes.npy -o decoded.npy");
    let (code, image) = (array(&work, "codes.npy")[..4].to_vec(), SIDE * SIDE);
    let decoded = array(&work, "decoded.npy");
    let served = Served::start(&work);
    let details = served.get("/api/details/tiny").json();
    assert_eq!(details["shape"], json!([1, SIDE, SIDE]));
    assert_eq!(
        (&details["code_size"], &details["corruptions"]),
        (&json!(4), &json!([]))
    );

    let picture = picture(&work);
    let found = served.post("/api/reconstruct/tiny", &picture).floats();
    // The command encodes all pictures at once, which may round otherwise.
    assert_close(&found[..4], &code, 1e-4);
    assert_eq!(found[4..4 + image], picture);
    assert_close(&found[4 + image..], &decoded[..image], 1e-4);

    let two = array(&work, "codes.npy")[..8].to_vec();
    assert_close(
        &served.post("/api/decode/tiny", &two).floats(),
        &decoded[..2 * image],
        1e-4,
    );

    let study = served.get("/api/study/tiny").json();
    assert_eq!(
        (&study["images"], study["places"].as_array().unwrap().len()),
        (&json!(32), 32)
    );
    assert_eq!(study["labels"][11], 1);
    let codes = array(&work, "codes.npy");
    let lowest = codes
        .iter()
        .step_by(4)
        .copied()
        .fold(f32::INFINITY, f32::min);
    assert_close(
        &[study["units"]["low"][0].as_f64().unwrap() as f32],
        &[lowest],
        1e-4,
    );
}

#[test]
fn noise_grows_with_its_strength_and_repeats_with_its_seed() {
    let work = Work::new();
    let mut config = tiny();
    config["model"] =
        json!({ "kind": "denoising", "corruption": "gaussian", "of": tiny()["model"] });
    work.json("noisy.json", &config);
    work.ok("noisy.json --quick");
    let served = Served::start(&work);
    let details = served.get("/api/details/noisy").json();
    assert_eq!(details["corruptions"], json!(["gaussian 0.4"]));
    let picture = picture(&work);
    let input = |query: &str| {
        let found = served
            .post(&format!("/api/reconstruct/noisy{query}"), &picture)
            .floats();
        found[4..4 + SIDE * SIDE].to_vec()
    };
    let distance =
        |one: &[f32]| -> f32 { one.iter().zip(&picture).map(|(a, b)| (a - b).abs()).sum() };
    assert_eq!(input(""), picture);
    assert_eq!(input("?noise=1&strength=0"), picture);
    let whole = input("?noise=1");
    assert!(distance(&whole) > 1.0);
    assert_eq!(input("?noise=1&strength=1"), whole);
    assert_ne!(input("?noise=2"), whole);
    let half = distance(&input("?noise=1&strength=0.5"));
    assert!((half - distance(&whole) / 2.0).abs() < 1e-3);
}

#[test]
fn a_whole_picture_is_restored_as_on_the_command_line() {
    let work = Work::new();
    let corruption = |name: &str, corruption: Value| {
        let mut config = tiny();
        config["model"] =
            json!({ "kind": "denoising", "corruption": corruption, "of": tiny()["model"] });
        work.json(&format!("{name}.json"), &config);
        work.ok(&format!("{name}.json --quick"));
    };
    corruption("noisy", json!("gaussian"));
    corruption("large", json!({ "kind": "downscale", "factor": 2 }));
    work.ok("tiny.json --quick");
    let served = Served::start(&work);
    let picture = image::GrayImage::from_fn(31, 13, |x, y| image::Luma([(x * 7 + y * 11) as u8]));
    picture.save(work.path("picture.png")).unwrap();
    let post = |run: &str, size: &str, bytes: &[u8]| {
        served.ask("POST", &format!("/api/restore/{run}?{size}"), &[], bytes)
    };
    for (run, scale) in [("noisy", 1), ("large", 2)] {
        let details = served.get(&format!("/api/details/{run}")).json();
        assert_eq!(details["scale"], scale);
        work.ok(&format!("restore {run} picture.png -o {run}"));
        let file = image::open(work.path(&format!("{run}/picture.png"))).unwrap();
        assert_eq!((file.width(), file.height()), (31 * scale, 13 * scale));
        let answer = post(run, "height=13&width=31", picture.as_raw());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.body, file.into_luma8().into_raw(), "{run}");
    }
    for (run, size, bytes, text) in [
        ("noisy", "height=13&width=30", 403, "found 403 bytes"),
        ("noisy", "height=0&width=30", 0, "without pixels"),
        (
            "noisy",
            "height=2000&width=2000",
            4,
            "more than 2097152 pixels",
        ),
        (
            "large",
            "height=1000&width=1000",
            4,
            "use hourglass restore",
        ),
        ("noisy", "height=18446744073709551615&width=2", 4, "pixels"),
        ("tiny", "height=13&width=31", 403, "not a denoising model"),
        ("noisy", "height=-1&width=31", 403, "height"),
    ] {
        let answer = post(run, size, &vec![0; bytes]);
        assert_eq!(answer.status, 400, "{run} {size}");
        assert!(answer.text().contains(text), "{}", answer.text());
    }
}

#[test]
fn a_residual_model_restores_pictures_and_decodes_no_code() {
    let work = Work::new();
    let mut config = tiny();
    config["model"] = json!({
        "kind": "denoising", "corruption": "gaussian", "residual": true, "of": tiny()["model"],
    });
    work.json("residual.json", &config);
    work.ok("residual.json --quick");
    let served = Served::start(&work);
    assert_eq!(served.get("/api/details/residual").json()["decodes"], false);
    let found = served
        .post("/api/reconstruct/residual?noise=1", &picture(&work))
        .floats();
    assert_eq!(found.len(), 4 + 2 * SIDE * SIDE);
    let answer = served.post("/api/decode/residual", &[0.0; 4]);
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().contains("a code alone has no reconstruction"),
        "{}",
        answer.text()
    );
}

#[test]
fn what_is_no_picture_and_no_code_is_refused() {
    let work = Work::new();
    work.ok("tiny.json");
    let served = Served::start(&work);
    let picture = picture(&work);
    let with = |value: f32| {
        let mut picture = picture.clone();
        picture[3] = value;
        picture
    };
    for bad in [
        Vec::new(),
        picture[1..].to_vec(),
        with(f32::NAN),
        with(1.5),
        with(-0.1),
    ] {
        let answer = served.post("/api/reconstruct/tiny", &bad);
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("allowed: "), "{}", answer.text());
    }
    for bad in [
        Vec::new(),
        vec![0.0; 3],
        vec![0.0; 4 * 65],
        vec![f32::INFINITY; 4],
    ] {
        assert_eq!(served.post("/api/decode/tiny", &bad).status, 400);
    }
    for query in ["?noise=-1", "?noise=1&strength=2", "?noise=1&strength=NaN"] {
        let path = format!("/api/reconstruct/tiny{query}");
        assert_eq!(served.post(&path, &picture).status, 400, "{query}");
    }
    let odd = served.ask("POST", "/api/decode/tiny", &[], &[0; 15]);
    assert_eq!(odd.status, 400);
    let large = vec![0; 13 << 20];
    assert_eq!(
        served
            .ask("POST", "/api/reconstruct/tiny", &[], &large)
            .status,
        413
    );
    assert_eq!(served.get("/api/decode/tiny").status, 405);
    assert_eq!(served.post("/api/decode/tiny", &[0.0; 4]).status, 200);
}

#[test]
fn a_run_is_followed_by_its_files() {
    let work = Work::new();
    work.ok("tiny.json");
    let served = Served::start(&work);
    let mut events = served.events("tiny");
    let mut news = || -> Value {
        let (name, data) = events.next().unwrap();
        assert_eq!(name, "news", "{data}");
        serde_json::from_str(&data).unwrap()
    };
    let first = news();
    assert_eq!(
        (&first["status"], &first["last"]["epoch"]),
        (&json!("finished"), &json!(2))
    );
    assert_eq!(
        first["samples"],
        json!(["epoch-0001.png", "epoch-0002.png"])
    );
    assert_eq!(first["report"], true);
    assert!(first["weights"].is_number() && first["verdict"].is_string());

    let metrics = work.path("runs/tiny/metrics.jsonl");
    let text = fs::read_to_string(&metrics).unwrap();
    let mut line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    line["epoch"] = 3.into();
    line.as_object_mut().unwrap().shift_remove("seal");
    let mut file = fs::OpenOptions::new().append(true).open(&metrics).unwrap();
    // In one piece, as a training does it: each write is news.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
    let second = news();
    assert_eq!(second["last"]["epoch"], 3);
    let marks = |news: &Value| news["curves"].as_str().unwrap().matches("<circle").count();
    assert!(marks(&second) > marks(&first));

    // Half a line is not yet a line.
    file.write_all(b"{\"epoch\":4,").unwrap();
    assert_eq!(news()["last"]["epoch"], 3);
    fs::remove_file(work.path("runs/tiny/state.json")).unwrap();
    let (name, text) = events.next().unwrap();
    assert_eq!(name, "problem", "{text}");
}

#[test]
fn a_damaged_checkpoint_is_said_and_the_rest_goes_on() {
    let work = Work::new();
    work.ok("tiny.json");
    work.copy("runs/tiny", "runs/damaged");
    work.write(
        "runs/damaged/checkpoints/best/model.safetensors",
        "no weights",
    );
    work.copy("runs/tiny", "runs/untrained");
    fs::remove_dir_all(work.path("runs/untrained/checkpoints")).unwrap();
    work.copy("runs/tiny", "runs/moved");
    let served = Served::start(&work);
    for (run, words) in [
        ("damaged", "damaged: found SHA-256"),
        ("untrained", "it has no checkpoint"),
    ] {
        let answer = served.get(&format!("/api/details/{run}"));
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    let mut events = served.events("untrained");
    let news: Value = serde_json::from_str(&events.next().unwrap().1).unwrap();
    assert!(news["weights"].is_null());
    // A run whose pictures are gone still decodes.
    fs::rename(work.path("set"), work.path("gone")).unwrap();
    let study = served.get("/api/study/moved");
    assert_eq!(study.status, 500);
    assert!(study.text().contains("set"), "{}", study.text());
    assert_eq!(served.post("/api/decode/moved", &[0.0; 4]).status, 200);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let work = Work::new();
    let served = Served::start(&work);
    // A folder of runs that does not exist yet is one without runs.
    assert_eq!(served.get("/api/runs").json()["runs"], json!([]));
    let port = served.host.split(':').nth(1).unwrap();
    assert_eq!(
        work.refused(1, &format!("serve --port {port}")),
        format!(
            "127.0.0.1:{port}: the port is in use by another program; choose another with --port, or 0 for any free one"
        )
    );
    let line = work.refused(1, "serve --host no.such.name.invalid --port 0");
    assert!(
        line.starts_with("no.such.name.invalid:0: cannot listen: "),
        "{line}"
    );
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_at_once() {
    for signal in ["INT", "TERM"] {
        let work = Work::new();
        let mut served = Served::start(&work);
        // A page that follows a run does not hold it up.
        let _open = served.connect();
        let kill = format!("kill -s {signal} {}", served.child.id());
        let status = std::process::Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap();
        assert!(status.success());
        assert_eq!(served.child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[cfg(unix)]
#[test]
fn a_run_with_pipes_and_devices_keeps_nobody_waiting() {
    let work = Work::new();
    work.ok("tiny.json");
    let names = [
        "state.json",
        "env.json",
        "summary.json",
        "metrics.jsonl",
        ".lock",
        "report.html",
        "samples/epoch-0001.png",
        "checkpoints/best/meta.json",
        "checkpoints/best/model.safetensors",
    ];
    let mut runs = Vec::new();
    for kind in ["pipe", "zero", "huge"] {
        for (number, name) in names.into_iter().enumerate() {
            let run = format!("{kind}{number}");
            work.copy("runs/tiny", &format!("runs/{run}"));
            crate::hostile::put(&work, &format!("runs/{run}/{name}"), kind);
            runs.push(run);
        }
    }
    let served = Served::start(&work);
    let listing = served.get("/api/runs").json();
    assert_eq!(listing["runs"].as_array().unwrap().len(), runs.len() + 1);
    for run in &runs {
        for path in [
            "report",
            "api/sample/epoch-0001.png",
            "api/details",
            "api/study",
        ] {
            let status = served.get(&format!("/{path}/{run}")).status;
            assert!([200, 404, 500].contains(&status), "{path} {run}: {status}");
        }
        assert!(served.events(run).next().is_some(), "{run}");
    }
    assert_eq!(served.get("/api/details/tiny").status, 200);
}

#[test]
fn a_model_that_no_memory_holds_leaves_the_page_as_it_is() {
    let work = Work::new();
    work.ok("tiny.json");
    let mut conv = tiny();
    conv["model"] = json!({ "kind": "conv", "channels": [4], "code_size": 4 });
    work.json("conv.json", &conv);
    work.ok("conv.json");
    let mut runs = Vec::new();
    for (from, pointer, value) in [
        ("tiny", "/model/code_size", json!(1u64 << 31)),
        ("tiny", "/model/layers/0", json!(65_536)),
        ("tiny", "/input_shape/2", json!(1u64 << 32)),
        ("tiny", "/input_shape/2", json!(u64::MAX)),
        ("conv", "/model/channels/0", json!(1u64 << 31)),
        ("conv", "/model/channels/0", json!(65_536)),
        ("conv", "/input_shape", json!([1, 32_768, 32_768])),
    ] {
        let run = format!("runs/bad{}", runs.len());
        work.copy(&format!("runs/{from}"), &run);
        for name in ["best", "last"] {
            let path = format!("{run}/checkpoints/{name}/meta.json");
            let mut meta = work.read_json(&path);
            *meta.pointer_mut(pointer).unwrap() = value.clone();
            work.json(&path, &meta);
        }
        runs.push(run.trim_start_matches("runs/").to_owned());
    }
    let served = Served::start(&work);
    for run in &runs {
        for path in ["details", "study"] {
            let answer = served.get(&format!("/api/{path}/{run}"));
            assert_eq!(answer.status, 500, "{path} {run}: {}", answer.text());
            assert_eq!(answer.text().lines().count(), 1, "{}", answer.text());
        }
        assert_eq!(
            served.post(&format!("/api/decode/{run}"), &[0.0; 4]).status,
            500
        );
        assert_eq!(served.get("/api/details/tiny").status, 200);
    }
}

#[test]
fn half_open_connections_shut_nobody_out() {
    let work = Work::new();
    work.ok("tiny.json");
    let served = Served::start(&work);
    let mut half: Vec<TcpStream> = (0..200).map(|_| served.connect()).collect();
    for stream in &mut half {
        let _ = stream.write_all(b"GET /api/runs HTTP/1.1\r\nhost: ");
    }
    assert_eq!(served.get("/api/runs").status, 200);
    // The first ones had to make room.
    let mut text = Vec::new();
    let ended = half[0].read_to_end(&mut text);
    assert!(ended.is_err() || text.is_empty(), "{text:?}");
    // The last ones may go on.
    let last = half.last_mut().unwrap();
    let rest = format!("{}\r\nconnection: close\r\n\r\n", served.host);
    last.write_all(rest.as_bytes()).unwrap();
    let mut text = Vec::new();
    last.read_to_end(&mut text).unwrap();
    assert!(
        text.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&text)
    );
}

#[test]
fn held_bodies_take_a_share_of_memory_and_no_more() {
    let work = Work::new();
    work.ok("tiny.json");
    let served = Served::start(&work);
    const LARGE: usize = 12 << 20;
    let head = |length: usize| {
        format!(
            "POST /api/decode/tiny HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n",
            served.host
        )
    };
    let held: Vec<TcpStream> = (0..5)
        .map(|_| {
            let mut stream = served.connect();
            stream.write_all(head(LARGE).as_bytes()).unwrap();
            stream.write_all(&[0; 1000]).unwrap();
            stream
        })
        .collect();
    // They are read one after the other, as this one is.
    assert_eq!(served.get("/api/runs").status, 200);
    let answer = served.raw(head(LARGE).as_bytes());
    assert_eq!(answer.status, 503, "{}", answer.text());
    // What is small still goes through.
    assert_eq!(served.post("/api/decode/tiny", &[0.0; 4]).status, 200);
    drop(held);
}

#[test]
fn a_report_leads_nowhere() {
    let work = Work::new();
    work.ok("tiny.json");
    let served = Served::start(&work);
    let report = served.get("/report/tiny");
    let policy = "content-security-policy: sandbox; default-src 'none'; script-src 'none'";
    assert!(report.head.contains(policy), "{}", report.head);
}

/// A client of another machine has this machine's address in its requests, whatever was listened on.
#[cfg(target_os = "linux")]
#[test]
fn a_page_for_other_machines_answers_to_the_address_that_they_use() {
    let work = Work::new();
    work.ok("tiny.json");
    let served = Served::on(&work, "0.0.0.0");
    let port = served.host.split(':').nth(1).unwrap();
    // All of 127/8 is this machine.
    let other = format!("127.0.0.2:{port}");
    let ask = |host: &str| {
        let mut stream = TcpStream::connect(&other).unwrap();
        let text = format!("GET /api/runs HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(ask(&other), "200");
    for host in [
        format!("evil.example:{port}"),
        format!("127.0.0.3:{port}"),
        "127.0.0.2".into(),
    ] {
        assert_eq!(ask(&host), "403", "{host}");
    }
}
