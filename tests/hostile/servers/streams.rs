//! What never ends, or ends too soon.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::raw::{Peer, Server, ended, json, open, whole};
use crate::attack::{Attack, attack};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            watches_that_end_at_once_are_not_opened_in_a_hurry,
            "An API server ends every watch at once",
            "The watch is opened again after 0.8 to 30 seconds, and the wait ends at its timeout",
        ),
        attack!(
            watches_that_forget_at_once_are_not_opened_in_a_hurry,
            "An API server answers every watch with 410",
            "The same",
        ),
        attack!(
            lists_that_never_end_are_given_up,
            "An API server sends the same continue token with every page",
            "An error that names the server's fault, after two pages",
        ),
        attack!(
            a_body_without_an_end_is_not_kept,
            "An API server answers a list with a body of several gigabytes",
            "An error that names the limit; memory stays below 1 GiB",
        ),
        attack!(
            a_small_body_that_grows_is_not_kept,
            "An API server answers with a gzip bomb: 600 KiB that become 600 MiB",
            "The same: what counts is the unpacked size",
        ),
        attack!(
            brackets_take_no_more_memory_than_text,
            "An API server answers with 10 MiB of JSON brackets, which would take 800 MiB once read",
            "An error before the text is read as JSON",
        ),
        attack!(
            an_event_without_an_end_is_not_kept,
            "An API server sends a watch event without a line end",
            "An error at 16 MiB",
        ),
        attack!(
            a_server_that_drips_is_left_at_the_timeout,
            "An API server sends one byte of its answer every tenth of a second",
            "--request-timeout ends the request",
        ),
        attack!(
            a_server_that_drips_is_left_at_ctrl_c,
            "The same, and the user presses Ctrl-C",
            "The program ends at once with exit code 130",
        ),
        attack!(
            a_body_that_is_cut_off_is_an_error,
            "An API server, or something before it, breaks off in the middle of a chunk",
            "An error; half an answer is never taken for a whole one",
        ),
        attack!(
            a_retry_after_of_a_year_is_not_waited_for,
            "An API server answers 429 with Retry-After: 31536000",
            "An error at once",
        ),
    ]
}

/// A session that never gets ready.
fn session() -> Value {
    json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "alice", "namespace": "default", "uid": "u-1", "resourceVersion": "5", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"userId": "alice", "template": "shell", "state": "running"}, "status": {"phase": "pending"}})
}

/// An API server with that one session, whose watches are answered by `watch`.
fn watching(
    watch: impl Fn(&mut dyn Peer) -> std::io::Result<()> + Send + Sync + 'static,
) -> Result<Server> {
    Server::new(move |head, peer| {
        let target = head.split(' ').nth(1).unwrap_or_default();
        if target.contains("watch=true") {
            watch(peer)
        } else if target.ends_with("/sessions/alice") {
            json(peer, &session())
        } else if head.starts_with("GET /api") {
            json(
                peer,
                &json!({"kind": "List", "metadata": {"resourceVersion": "5"}, "items": []}),
            )
        } else {
            whole(peer, "404 Not Found", "text/plain", "404 page not found")
        }
    })
}

const WAIT: [&str; 5] = [
    "status",
    "alice",
    "--wait-for=running",
    "--timeout=4s",
    "-q",
];

fn at_most_seldom(server: &Server) -> Result<()> {
    let begun = Instant::now();
    server
        .run(&WAIT)?
        .fails_with("timed out waiting for the condition")?;
    let took = begun.elapsed();
    ensure!(took >= Duration::from_secs(3), "it waited {took:?} only");
    let requests = server.requests();
    let watches = requests.iter().filter(|head| head.contains("watch=true"));
    let watches = watches.count();
    // Four watches, each at 0, 0.8 and 2.4 seconds at the earliest.
    ensure!((4..=16).contains(&watches), "{watches} watches in 4 s");
    ensure!(requests.len() < 150, "{} requests in 4 s", requests.len());
    Ok(())
}

fn watches_that_end_at_once_are_not_opened_in_a_hurry() -> Result<()> {
    at_most_seldom(&watching(|peer| open(peer, ""))?)
}

fn watches_that_forget_at_once_are_not_opened_in_a_hurry() -> Result<()> {
    let expired = json!({"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old resource version"});
    at_most_seldom(&watching(move |peer| {
        whole(peer, "410 Gone", "application/json", &expired.to_string())
    })?)
}

/// An API server that answers every list of sessions with this Table.
fn table(metadata: &Value) -> Value {
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": [{"name": "Name", "type": "string"}], "rows": []})
}

fn lists_that_never_end_are_given_up() -> Result<()> {
    let page = table(&json!({"resourceVersion": "5", "continue": "same"}));
    let server = Server::new(move |_, peer| json(peer, &page))?;
    let ended = server.run(&["list"])?;
    ended.fails_with("the server's list has no end: a continue token was sent twice")?;
    let requests = server.requests().len();
    ensure!(requests <= 4, "{requests} requests");
    Ok(())
}

fn a_body_without_an_end_is_not_kept() -> Result<()> {
    let server = Server::new(|_, peer| {
        open(peer, "")?;
        write!(peer, "{{\"kind\":\"Table\",\"x\":\"")?;
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..4096 {
            peer.write_all(&piece)?;
        }
        Ok(())
    })?;
    server
        .run(&["list", "-A"])?
        .fails_with("a page of a list is larger than 128 MiB")?;
    server
        .run(&["status", "alice"])?
        .fails_with("an object is larger than 16 MiB")
}

fn a_small_body_that_grows_is_not_kept() -> Result<()> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    write!(packed, "{{\"kind\":\"Session\",\"x\":\"")?;
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..600 {
        packed.write_all(&piece)?;
    }
    let packed = packed.finish()?;
    ensure!(packed.len() < 1 << 20, "{} bytes are no bomb", packed.len());
    let server = Server::new(move |_, peer| {
        let length = format!(
            "Content-Encoding: gzip\r\nContent-Length: {}\r\n",
            packed.len()
        );
        open(peer, &length)?;
        peer.write_all(&packed)
    })?;
    server
        .run(&["status", "alice"])?
        .fails_with("an object is larger than 16 MiB")?;
    server
        .run(&["list"])?
        .fails_with("a page of a list is larger than 128 MiB")
}

fn brackets_take_no_more_memory_than_text() -> Result<()> {
    let body = format!("[{}0]", "[0],".repeat((10 << 20) / 4));
    let server = Server::new(move |_, peer| whole(peer, "200 OK", "application/json", &body))?;
    server
        .run(&["status", "alice"])?
        .fails_with("an object takes more than 128 MiB of memory")?;
    server
        .run(&["list"])?
        .fails_with("takes more than 512 MiB of memory")
}

fn an_event_without_an_end_is_not_kept() -> Result<()> {
    let server = watching(|peer| {
        open(peer, "")?;
        write!(peer, "{{\"type\":\"ADDED\",\"object\":{{\"x\":\"")?;
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..2048 {
            peer.write_all(&piece)?;
        }
        Ok(())
    })?;
    server
        .run(&WAIT)?
        .fails_with("a watch event is larger than 16 MiB")
}

/// An API server that never gets to the end of its first word.
fn dripping() -> Result<Server> {
    Server::new(|_, peer| {
        open(peer, "")?;
        for _ in 0..1000 {
            peer.write_all(b" ")?;
            peer.flush()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    })
}

fn a_server_that_drips_is_left_at_the_timeout() -> Result<()> {
    let ended = dripping()?.run(&["list", "--request-timeout=1s"])?;
    ended.fails_with("net/http: request canceled (Client.Timeout exceeded while awaiting headers)")
}

fn a_server_that_drips_is_left_at_ctrl_c() -> Result<()> {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let server = Server::new(move |_, peer| {
        open(peer, "")?;
        peer.flush()?;
        // The test may be over.
        let _ = tell.lock().map(|tell| tell.send(()));
        let mut rest = [0; 1];
        peer.read(&mut rest).map(drop)
    })?;
    let child = server.command(&["list"]).spawn()?;
    told.recv_timeout(super::raw::PATIENCE)
        .context("nothing was asked")?;
    let pid = i32::try_from(child.id())?;
    let pid = rustix::process::Pid::from_raw(pid).context("no process")?;
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    let ended = ended(child)?;
    ensure!(ended.code == Some(130), "{ended:?}");
    Ok(())
}

fn a_body_that_is_cut_off_is_an_error() -> Result<()> {
    let server = Server::new(|_, peer| {
        write!(
            peer,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{}",
            table(&json!({}))
        )
    })?;
    server
        .run(&["list"])?
        .fails_with("Unable to connect to the server: unexpected EOF")
}

fn a_retry_after_of_a_year_is_not_waited_for() -> Result<()> {
    let server = Server::new(|_, peer| {
        write!(
            peer,
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 31536000\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    })?;
    server
        .run(&["list"])?
        .fails_with("the server has received too many requests")
}
