//! A client of MLflow's REST interface (MLflow's documentation, "REST API", version 2.0).

use std::path::PathBuf;
use std::time::Duration;

use data_encoding::BASE64;
use hourglass::files::{self, LARGEST_JSON};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{Response, StatusCode};

/// The file in a run's folder that says what its number on the server is.
pub const FILE: &str = "mlflow.json";

/// How long the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);

/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The most bytes of an answer that are read. Answers here are a few lines.
const LARGEST_ANSWER: u64 = 1 << 20;

/// Parameters that one request may have (MLflow's limit).
const PARAMETERS: usize = 100;

/// Characters that a parameter's value may have on every version of the server.
const LONGEST_VALUE: usize = 500;

/// A figure at a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    key: String,
    value: f64,
    step: usize,
    timestamp: u64,
}

impl Metric {
    /// A figure at a step and a time in milliseconds since 1970; `None` if there is none, or JSON cannot say it.
    pub fn new(key: impl Into<String>, value: Option<f64>, step: usize, at: u64) -> Option<Self> {
        Some(Self {
            key: key.into(),
            value: value.filter(|it| it.is_finite())?,
            step,
            timestamp: at,
        })
    }
}

/// A training that starts or goes on.
#[derive(Clone, Debug)]
pub struct Start {
    pub experiment: String,
    /// The name of the run's folder.
    pub name: String,
    /// Milliseconds since 1970.
    pub at: u64,
    pub parameters: Vec<(String, String)>,
    /// Where the run's number on the server is kept.
    pub kept: PathBuf,
    /// Whether steps were made before.
    pub goes_on: bool,
}

/// Why something was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server does not answer, or not as it should: later may be better.
    Away(String),
    /// It does not want this.
    Refused(String),
}

type Result<T> = std::result::Result<T, Failure>;

/// What [`FILE`] holds.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    server: String,
    run_id: String,
}

/// A server, and the run there.
pub struct Server {
    base: String,
    agent: Agent,
    /// The value of the header `Authorization`.
    authorization: Option<String>,
    run: Option<Tracked>,
}

/// The run on the server.
struct Tracked {
    id: String,
    /// The address of its files; `None` if the server does not take them itself.
    files: Option<String>,
}

impl Server {
    /// The server at this address. As for MLflow's own programs, a user is named by the environment:
    /// `MLFLOW_TRACKING_TOKEN`, or `MLFLOW_TRACKING_USERNAME` with `MLFLOW_TRACKING_PASSWORD`.
    pub fn new(base: &str) -> Self {
        let agent = Agent::config_builder()
            .user_agent(concat!("hourglass/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .timeout_send_body(Some(ANSWER))
            .timeout_recv_body(Some(ANSWER));
        Self {
            base: base.trim_end_matches('/').to_owned(),
            agent: agent.build().new_agent(),
            authorization: authorization(|name| std::env::var(name).ok()),
            run: None,
        }
    }

    /// Starts the run on the server, or goes on with it.
    pub fn start(&mut self, start: &Start) -> Result<()> {
        if start.goes_on
            && let Some(id) = self.kept(start)
            && self.reopen(&id)?
        {
            return Ok(());
        }
        let experiment = self.experiment(&start.experiment)?;
        let body = json!({
            "experiment_id": experiment,
            "run_name": start.name,
            "start_time": start.at,
            "tags": [
                { "key": "mlflow.source.name", "value": "hourglass" },
                { "key": "mlflow.source.type", "value": "LOCAL" },
                { "key": "hourglass.version", "value": env!("CARGO_PKG_VERSION") },
            ],
        });
        let created = self.post("runs/create", &body)?;
        let id = self.opened(&created)?;
        for parameters in start.parameters.chunks(PARAMETERS) {
            let parameter = |(key, value): &(String, String)| {
                let value: String = value.chars().take(LONGEST_VALUE).collect();
                json!({ "key": key, "value": value })
            };
            let all: Vec<Value> = parameters.iter().map(parameter).collect();
            self.post("runs/log-batch", &json!({ "run_id": id, "params": all }))?;
        }
        let kept = Kept {
            server: self.base.clone(),
            run_id: id,
        };
        let text = serde_json::to_vec_pretty(&kept).unwrap_or_default();
        files::write(&start.kept, &text).map_err(|error| Failure::Refused(error.to_string()))
    }

    /// Sends figures.
    pub fn metrics(&self, metrics: &[Metric]) -> Result<()> {
        let Some(run) = &self.run else {
            return Ok(());
        };
        let body = json!({ "run_id": run.id, "metrics": metrics });
        self.post("runs/log-batch", &body).map(|_| ())
    }

    /// Sends a file under a name, which may have folders.
    pub fn artifact(&self, name: &str, content: &[u8]) -> Result<()> {
        let Some(run) = &self.run else {
            return Ok(());
        };
        let Some(files) = &run.files else {
            return Err(Failure::Refused(
                "keeps files elsewhere, so the report and pictures are not sent; start it with --serve-artifacts".into(),
            ));
        };
        let request = self.agent.put(format!("{files}/{name}"));
        let request = match &self.authorization {
            Some(value) => request.header("Authorization", value),
            None => request,
        };
        self.answer(request.send(content)).map(|_| ())
    }

    /// Says how the training ended.
    pub fn end(&self, status: &str, at: u64) -> Result<()> {
        let Some(run) = &self.run else {
            return Ok(());
        };
        let body = json!({ "run_id": run.id, "status": status, "end_time": at });
        self.post("runs/update", &body).map(|_| ())
    }

    /// The number that the run got on this server in an earlier process.
    fn kept(&self, start: &Start) -> Option<String> {
        let text = files::read(&start.kept, LARGEST_JSON).ok()?;
        let kept: Kept = serde_json::from_slice(&text).ok()?;
        (kept.server == self.base).then_some(kept.run_id)
    }

    /// Goes on with a run; `false` if the server no longer has it.
    fn reopen(&mut self, id: &str) -> Result<bool> {
        let body = json!({ "run_id": id, "status": "RUNNING" });
        match self.post("runs/update", &body) {
            Err(Failure::Refused(_)) => return Ok(false),
            other => other?,
        };
        let plain = |it: char| it.is_ascii_alphanumeric() || it == '-';
        if !id.chars().all(plain) {
            return Ok(false);
        }
        let found = self.get(&format!("runs/get?run_id={id}"))?;
        self.opened(&found).map(|_| true)
    }

    /// Notes the run that an answer describes; gives its number.
    fn opened(&mut self, answer: &Value) -> Result<String> {
        let info = &answer["run"]["info"];
        let Some(id) = info["run_id"].as_str() else {
            return Err(Failure::Away("does not answer as MLflow does".into()));
        };
        let files = info["artifact_uri"].as_str().and_then(proxied);
        let prefix = "api/2.0/mlflow-artifacts/artifacts";
        self.run = Some(Tracked {
            id: id.to_owned(),
            files: files.map(|path| format!("{}/{prefix}/{path}", self.base)),
        });
        Ok(id.to_owned())
    }

    /// The number of an experiment, which is made where it is missing.
    fn experiment(&self, name: &str) -> Result<String> {
        let number = |answer: &Value| answer.as_str().map(String::from);
        let strange = || Failure::Away("does not answer as MLflow does".into());
        let filter = json!({
            "max_results": 1,
            "filter": format!("name = '{}'", name.replace('\'', "\\'")),
        });
        let found = self.post("experiments/search", &filter)?;
        if let Some(id) = number(&found["experiments"][0]["experiment_id"]) {
            return Ok(id);
        }
        let made = self.post("experiments/create", &json!({ "name": name }))?;
        number(&made["experiment_id"]).ok_or_else(strange)
    }

    fn get(&self, path: &str) -> Result<Value> {
        let request = self
            .agent
            .get(format!("{}/api/2.0/mlflow/{path}", self.base));
        let request = match &self.authorization {
            Some(value) => request.header("Authorization", value),
            None => request,
        };
        self.answer(request.call())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self
            .agent
            .post(format!("{}/api/2.0/mlflow/{path}", self.base));
        let request = request.header("Content-Type", "application/json");
        let request = match &self.authorization {
            Some(value) => request.header("Authorization", value),
            None => request,
        };
        self.answer(request.send(body.to_string()))
    }

    fn answer(
        &self,
        answer: std::result::Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value> {
        let away = |error: ureq::Error| Failure::Away(format!("no answer: {error}"));
        let mut answer = answer.map_err(away)?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(LARGEST_ANSWER);
        let text = body.read_to_string().map_err(away)?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        let reason = value["message"].as_str().unwrap_or_default();
        let reason = reason.lines().next().unwrap_or_default();
        let words = match reason.is_empty() {
            true => format!("answers {status}"),
            false => format!("answers {status}: {reason}"),
        };
        let later = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        Err(match later {
            true => Failure::Away(words),
            false => Failure::Refused(words),
        })
    }
}

/// The path of files that the server takes itself.
fn proxied(uri: &str) -> Option<String> {
    let path = uri.strip_prefix("mlflow-artifacts:")?;
    let path = match path.strip_prefix("//") {
        Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
        None => path,
    };
    Some(path.trim_matches('/').to_owned())
}

fn authorization(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let given = |name| variable(name).filter(|it: &String| !it.is_empty());
    if let Some(token) = given("MLFLOW_TRACKING_TOKEN") {
        return Some(format!("Bearer {token}"));
    }
    let user = given("MLFLOW_TRACKING_USERNAME")?;
    let password = given("MLFLOW_TRACKING_PASSWORD").unwrap_or_default();
    let both = BASE64.encode(format!("{user}:{password}").as_bytes());
    Some(format!("Basic {both}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_through_the_server_or_nowhere() {
        let paths = [
            "mlflow-artifacts:/3/abc/artifacts",
            "mlflow-artifacts://host:5000/3/abc/artifacts",
            "s3://bucket/3/abc/artifacts",
        ];
        let path = Some("3/abc/artifacts".to_owned());
        assert_eq!(paths.map(proxied), [path.clone(), path, None]);
    }

    #[test]
    fn a_user_is_named_by_the_environment() {
        let with = |pairs: &'static [(&str, &str)]| {
            authorization(|name| {
                let found = pairs.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(with(&[]), None);
        let user = [
            ("MLFLOW_TRACKING_USERNAME", "ada"),
            ("MLFLOW_TRACKING_PASSWORD", "x"),
        ];
        let user: &'static [(&str, &str)] = Box::leak(Box::new(user));
        assert_eq!(with(user).as_deref(), Some("Basic YWRhOng="));
        let token = with(&[("MLFLOW_TRACKING_TOKEN", "t")]);
        assert_eq!(token.as_deref(), Some("Bearer t"));
    }

    #[test]
    fn what_is_no_number_is_no_metric() {
        assert_eq!(Metric::new("a", Some(f64::NAN), 1, 2), None);
        assert_eq!(Metric::new("a", None, 1, 2), None);
        assert!(Metric::new("a", Some(0.5), 1, 2).is_some());
    }
}
