//! Tests of fetching, against a server on this machine that behaves as servers do, good and bad ones.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use sha2::{Digest, Sha256};

use super::*;
use crate::dataset::hex;

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Answer {
    /// Sends what is asked for.
    Whole,
    /// Announces all that is asked for, but ends the connection after so many bytes.
    Cut(usize),
    /// Sends the whole file whatever part is asked for.
    WithoutRange,
    /// Does not have the file.
    Missing,
    /// Has another file, of the same length or one byte longer, with or without saying so.
    Other,
    Longer,
    LongerUnannounced,
    /// Answers with another part than was asked for.
    OtherPart,
}

/// A server of a file that answers each request by the next of `answers`, and then by the last. The requests' ranges
/// are noted.
struct Server {
    base: String,
    ranges: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    fn new(content: &[u8], answers: &[Answer]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let (content, answers, noted) = (content.to_vec(), answers.to_vec(), Arc::clone(&ranges));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut start = None;
                for line in BufReader::new(&stream).lines() {
                    let line = line.unwrap().to_lowercase();
                    if let Some(range) = line.strip_prefix("range: bytes=") {
                        start = Some(range.trim_end_matches('-').parse::<usize>().unwrap());
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let index = {
                    let mut noted = noted.lock().unwrap();
                    noted.push(start);
                    noted.len() - 1
                };
                let answer = answers[index.min(answers.len() - 1)];
                // The client may have gone, which is its right.
                let _ = stream.write_all(&response(&content, answer, start));
            }
        });
        Self { base, ranges }
    }

    fn ranges(&self) -> Vec<Option<usize>> {
        self.ranges.lock().unwrap().clone()
    }
}

/// The bytes of an answer to a request for the part from `start` on.
fn response(content: &[u8], answer: Answer, start: Option<usize>) -> Vec<u8> {
    let all = content.len();
    let other = |more: usize| vec![b'?'; all + more];
    let (status, range, body, announced) = match (answer, start) {
        (Answer::Missing, _) => {
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        (Answer::Other, _) => ("200 OK", None, other(0), Some(all)),
        (Answer::Longer, _) => ("200 OK", None, other(1), Some(all + 1)),
        (Answer::LongerUnannounced, _) => ("200 OK", None, other(1), None),
        (Answer::WithoutRange, _) | (Answer::Whole, None) => {
            ("200 OK", None, content.to_vec(), Some(all))
        }
        (Answer::OtherPart, _) => (
            "206 Partial Content",
            Some(1),
            content[1..].to_vec(),
            Some(all - 1),
        ),
        (Answer::Whole, Some(start)) => {
            let part = content[start..].to_vec();
            ("206 Partial Content", Some(start), part, Some(all - start))
        }
        (Answer::Cut(after), start) => {
            let from = start.unwrap_or(0);
            let status = if start.is_some() {
                "206 Partial Content"
            } else {
                "200 OK"
            };
            let part = content[from..all.min(from + after)].to_vec();
            (status, start, part, Some(all - from))
        }
    };
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    if let Some(start) = range {
        head += &format!("Content-Range: bytes {start}-{}/{all}\r\n", all - 1);
    }
    if let Some(length) = announced {
        head += &format!("Content-Length: {length}\r\n");
    }
    [head.as_bytes(), b"\r\n", &body].concat()
}

/// What the servers have.
fn content() -> Vec<u8> {
    (0..200_000_u32).map(|it| (it % 251) as u8).collect()
}

/// The file of this content.
fn published(content: &[u8]) -> Published {
    let sha256 = hex(&Sha256::digest(content)).leak();
    Published {
        name: "gzip.zip",
        original: (content.len() as u64, sha256),
        debian: None,
    }
}

/// What became of fetching a file from these mirrors into a folder, and the progress that was told.
fn fetched(dir: &Path, mirrors: &[&str]) -> (Result<(), DataError>, Vec<u64>) {
    let fetch = Fetch {
        set: Named::EmnistLetters,
        into: dir.to_owned(),
        mirrors: mirrors.iter().map(|it| it.to_string()).collect(),
    };
    let mut told = Vec::new();
    // What the environment says of proxies is about other servers.
    let agent = http::agent(Some(None));
    let outcome = http::file(&fetch, &agent, &published(&content()), &mut |it| {
        told.push(it.done)
    });
    (outcome, told)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// That the folder has the whole file and nothing else.
fn assert_whole(dir: &Path) {
    assert_eq!(names(dir), ["gzip.zip"]);
    assert!(fs::read(dir.join("gzip.zip")).unwrap() == content());
}

/// The text of the error from a server that answers like this, and what it leaves in the folder.
fn refusal(answers: &[Answer]) -> (String, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(&content(), answers);
    let (outcome, _) = fetched(dir.path(), &[&server.base]);
    let error = outcome.unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    (error, names(dir.path()))
}

#[test]
fn a_file_is_fetched_whole_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(&content(), &[Answer::Whole]);
    let (outcome, told) = fetched(dir.path(), &[&server.base]);
    outcome.unwrap();
    assert_whole(dir.path());
    assert!(
        told.is_sorted() && told.last() == Some(&200_000),
        "{told:?}"
    );
    fetched(dir.path(), &[&server.base]).0.unwrap();
    assert_eq!(server.ranges(), [None]);
}

#[test]
fn a_cut_download_is_continued() {
    let dir = tempfile::tempdir().unwrap();
    let answers = [Answer::Cut(50_000), Answer::Cut(50_000), Answer::Whole];
    let server = Server::new(&content(), &answers);
    fetched(dir.path(), &[&server.base]).0.unwrap();
    assert_whole(dir.path());
    assert_eq!(server.ranges(), [None, Some(50_000), Some(100_000)]);
}

#[test]
fn a_later_program_continues_what_an_earlier_one_left() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("gzip.zip.part"), &content()[..70_000]).unwrap();
    let server = Server::new(&content(), &[Answer::Whole]);
    let (outcome, told) = fetched(dir.path(), &[&server.base]);
    outcome.unwrap();
    assert_whole(dir.path());
    assert_eq!(server.ranges(), [Some(70_000)]);
    assert!(told.iter().all(|it| *it > 70_000));
}

#[test]
fn a_server_without_ranges_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(&content(), &[Answer::Cut(50_000), Answer::WithoutRange]);
    fetched(dir.path(), &[&server.base]).0.unwrap();
    assert_whole(dir.path());
    assert_eq!(server.ranges(), [None, Some(50_000)]);
}

#[test]
fn what_an_earlier_program_left_is_given_up_if_it_is_of_another_file() {
    for left in [vec![b'!'; 70_000], vec![b'!'; 200_000], vec![b'!'; 300_000]] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("gzip.zip.part"), left).unwrap();
        let server = Server::new(&content(), &[Answer::Whole]);
        fetched(dir.path(), &[&server.base]).0.unwrap();
        assert_whole(dir.path());
    }
}

#[test]
fn another_file_is_not_kept() {
    let (error, left) = refusal(&[Answer::Other]);
    let expected = hex(&Sha256::digest(content()));
    assert!(error.contains("gzip.zip: its SHA-256 is "), "{error}");
    assert!(
        error.contains(&format!(", expected {expected}; put gzip.zip into ")),
        "{error}"
    );
    assert!(left.is_empty(), "{left:?}");
    for answer in [Answer::Longer, Answer::LongerUnannounced] {
        let (error, left) = refusal(&[answer]);
        assert!(
            error.contains("it has 200001 bytes, expected 200000"),
            "{error}"
        );
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn what_came_before_a_cut_is_kept_for_the_next_time() {
    let (error, left) = refusal(&[Answer::Cut(50_000), Answer::Cut(0)]);
    assert!(error.contains("50000 of 200000 bytes"), "{error}");
    assert_eq!(left, ["gzip.zip.part"]);
}

#[test]
fn another_part_than_was_asked_for_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let answers = [Answer::Cut(50_000), Answer::OtherPart, Answer::Whole];
    let server = Server::new(&content(), &answers);
    let (outcome, _) = fetched(dir.path(), &[&server.base, &server.base]);
    outcome.unwrap();
    assert_whole(dir.path());
    assert_eq!(server.ranges(), [None, Some(50_000), None]);
}

#[test]
fn the_second_mirror_is_asked_if_the_first_does_not_have_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = Server::new(&content(), &[Answer::Missing]);
    let second = Server::new(&content(), &[Answer::Whole]);
    fetched(dir.path(), &[&first.base, &second.base]).0.unwrap();
    assert_whole(dir.path());
    let (error, left) = refusal(&[Answer::Missing]);
    assert!(
        error.contains("the server answers 404 Not Found; put"),
        "{error}"
    );
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_a_server_one_line_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let port = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let base = format!("http://127.0.0.1:{port}/");
    let error = fetched(dir.path(), &[&base]).0.unwrap_err().to_string();
    let shown = dir.path().display();
    assert!(
        error.starts_with(&format!("emnist-letters: not fetched from {base}: ")),
        "{error}"
    );
    assert!(
        error.ends_with(&format!("; put gzip.zip into {shown}")),
        "{error}"
    );
    assert!(names(dir.path()).is_empty());
}

#[test]
fn two_programs_do_not_write_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let part = fs::File::create(dir.path().join("gzip.zip.part")).unwrap();
    part.lock().unwrap();
    let error = fetched(dir.path(), &["http://127.0.0.1:9/"]).0.unwrap_err();
    assert!(
        error.to_string().contains("another program is fetching it"),
        "{error}"
    );
}
