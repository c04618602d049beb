//! Local listeners whose connections are forwarded to ports of the Pod.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::pod_connection::ConnectionState;
use super::{ForwardEvent, Forwarder};

/// Size of a copy buffer in bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// Pause before accepting again when the process is out of file descriptors.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A local port that is bound and not served yet.
#[derive(Debug)]
pub struct LocalListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl LocalListener {
    /// Binds a port of an address; 0 selects any free port.
    ///
    /// # Errors
    /// The operating system's: port in use, not permitted, no such address.
    pub async fn bind(address: IpAddr, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((address, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns the bound address; the port is never 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Forwarder {
    /// Serves local ports, each forwarded to a port of the Pod, until the connection to the Pod fails for good. An error
    /// of one local connection is reported as an event and does not affect the others. Dropping the future closes all of
    /// them.
    ///
    /// # Errors
    /// The permanent error of the connection to the Pod.
    pub async fn serve_ports(&self, ports: Vec<(LocalListener, u16)>) -> Result<()> {
        self.connection.is_serving.send_replace(true);
        self.ensure_maintained();
        let mut tasks = JoinSet::new();
        for (listener, remote) in ports {
            let forwarder = self.clone();
            tasks.spawn(async move { forwarder.accept_connections(listener, remote).await });
        }
        let mut states = self.connection.state.subscribe();
        let failed = states.wait_for(|state| matches!(state, ConnectionState::Failed(_)));
        match &*failed.await? {
            ConnectionState::Failed(ending) => Err(ending.take()),
            ConnectionState::Connected(_) | ConnectionState::Connecting => Ok(()),
        }
    }

    async fn accept_connections(&self, listener: LocalListener, remote: u16) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.listener.accept() => match accepted {
                    Ok((connection, _)) => {
                        let local = listener.address.port();
                        self.connection.emit(ForwardEvent::Accepted { local });
                        let forwarder = self.clone();
                        connections.spawn(async move { forwarder.relay(connection, remote).await });
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_RETRY_PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Relays one local connection until it ends.
    async fn relay(&self, mut connection: TcpStream, remote: u16) {
        let _without = connection.set_nodelay(true);
        let mut stream = match self.open_stream(remote).await {
            Ok(stream) => stream,
            Err(error) => {
                let message = format!("{error:#}");
                self.connection.emit(ForwardEvent::StreamFailed {
                    port: remote,
                    message,
                });
                return reset_on_close(&connection);
            }
        };
        let copied =
            copy_bidirectional_with_sizes(&mut connection, &mut stream, BUFFER_BYTES, BUFFER_BYTES)
                .await;
        // A truncated stream must not look complete.
        if copied.is_err() {
            reset_on_close(&connection);
        }
    }
}

/// Resets the connection when it is closed, so that its peer sees an error.
fn reset_on_close(connection: &TcpStream) {
    let _else_it_ends_well = connection.set_zero_linger();
}
