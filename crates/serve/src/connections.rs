//! Connections: how many are open at once, and how long one may say nothing. Without a limit one program could hold all
//! that the system allows, and keep everybody else out.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use futures_util::future::select;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The most connections: a browser opens six, and the system's usual limit of open files is eight times that.
const MOST: usize = 128;

/// How long a connection may take to send the head of a request, and stay open between two of them.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pause after a connection that the system refused, for want of open files for example.
const PAUSE: Duration = Duration::from_millis(50);

/// The address of this machine that a request came to.
#[derive(Clone, Copy, Debug)]
pub struct Local(pub SocketAddr);

/// The open connections.
#[derive(Clone, Debug, Default)]
struct Connections(Arc<Mutex<HashMap<u64, Open>>>);

/// One of them.
#[derive(Debug)]
struct Open {
    /// When it was opened, or its last request began.
    active: Instant,
    /// Told to close it.
    close: Arc<Notify>,
}

impl Connections {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        // The map stays consistent even if a thread panicked while holding the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, which hears when it has to close. If there are too many, the one that was active longest ago closes.
    fn add(&self, number: u64) -> Arc<Notify> {
        let mut open = self.open();
        while open.len() >= MOST {
            close_oldest(&mut open);
        }
        let close = Arc::new(Notify::new());
        let one = Open {
            active: Instant::now(),
            close: Arc::clone(&close),
        };
        open.insert(number, one);
        close
    }

    fn active(&self, number: u64) {
        if let Some(one) = self.open().get_mut(&number) {
            one.active = Instant::now();
        }
    }

    fn remove(&self, number: u64) {
        self.open().remove(&number);
    }

    fn close_oldest(&self) {
        close_oldest(&mut self.open());
    }
}

/// Closes the connection that was active longest ago, if there is one.
fn close_oldest(open: &mut HashMap<u64, Open>) {
    let oldest = open.iter().min_by_key(|(_, it)| it.active);
    let oldest = oldest.map(|(number, _)| *number);
    if let Some(oldest) = oldest.and_then(|number| open.remove(&number)) {
        oldest.close.notify_one();
    }
}

/// Answers connections for ever.
pub async fn serve(listener: TcpListener, router: Router) {
    let connections = Connections::default();
    for number in 0.. {
        match accepted(&listener).await {
            Ok((stream, local)) => {
                let close = connections.add(number);
                let (router, connections) = (router.clone(), connections.clone());
                tokio::spawn(async move {
                    let answered = pin!(answer(stream, local, router, &connections, number));
                    select(answered, pin!(close.notified())).await;
                    connections.remove(number);
                });
            }
            Err(_) => {
                connections.close_oldest();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn accepted(listener: &TcpListener) -> io::Result<(TcpStream, Local)> {
    let (stream, _) = listener.accept().await?;
    let local = stream.local_addr()?;
    Ok((stream, Local(local)))
}

/// Answers the requests of a connection until it closes.
async fn answer(
    stream: TcpStream,
    local: Local,
    router: Router,
    connections: &Connections,
    number: u64,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        connections.active(number);
        request.extensions_mut().insert(local);
        router.call(request)
    });
    // What goes wrong with a connection is its client's business.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a connection was told to close.
    fn closed(close: &Notify) -> bool {
        use std::task::{Context, Poll, Waker};
        let notified = pin!(close.notified());
        let mut context = Context::from_waker(Waker::noop());
        matches!(notified.poll(&mut context), Poll::Ready(()))
    }

    #[test]
    fn the_one_that_was_active_longest_ago_makes_room() {
        let connections = Connections::default();
        let all: Vec<Arc<Notify>> = (0..MOST as u64).map(|it| connections.add(it)).collect();
        connections.active(0);
        let more = connections.add(1000);
        assert_eq!(connections.open().len(), MOST);
        let told: Vec<usize> = (0..MOST).filter(|&it| closed(&all[it])).collect();
        assert_eq!(told, [1]);
        connections.remove(1000);
        connections.close_oldest();
        assert!(closed(&all[2]) && !closed(&all[0]) && !closed(&more));
        assert_eq!(connections.open().len(), MOST - 2);
    }
}
