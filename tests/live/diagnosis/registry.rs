//! An image registry on loopback that has nothing: no for everything, or a login first.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::Result;

/// Starts it; it answers until the process ends. Repositories below `private/` want a login, the rest is not found.
pub(crate) fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    Ok(address)
}

/// One request a connection. containerd tries TLS first and takes a plain answer for a hint to go on without.
fn answer(mut stream: TcpStream) {
    let mut request = [0_u8; 4096];
    let read = stream.read(&mut request).unwrap_or_default();
    let text = String::from_utf8_lossy(&request[..read]);
    let head = if !text.starts_with("GET") && !text.starts_with("HEAD") {
        "400 Bad Request"
    } else if text.contains("/private/") {
        "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"here\""
    } else {
        "404 Not Found"
    };
    // Whoever hung up does not want to know.
    let _ = write!(
        stream,
        "HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
}
