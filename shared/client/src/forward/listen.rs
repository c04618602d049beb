//! Local ports that lead into the Pod.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::link::State;
use super::{Forwarder, Told};

/// Bytes that are copied at once.
const BUFFER: usize = 64 * 1024;
/// A machine that has no descriptors left is asked again after this pause.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// A local port that is taken, but not served yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes a port of an address; 0 takes any free one.
    ///
    /// # Errors
    /// The system's: in use, not permitted, no such address.
    pub async fn bind(address: IpAddr, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((address, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens; the port is never 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Forwarder {
    /// Serves local ports, each with the port of the Pod behind it, for as long as a way to the Pod can be hoped for. A local
    /// connection that breaks off is told and harms no other. Dropping the future closes all of them.
    ///
    /// # Errors
    /// Why there is no way to the Pod any more.
    pub async fn serve(&self, ports: Vec<(Listener, u16)>) -> Result<()> {
        self.link.is_serving.send_replace(true);
        self.keep_up();
        let mut tasks = JoinSet::new();
        for (listener, remote) in ports {
            let forwarder = self.clone();
            tasks.spawn(async move { forwarder.accept(listener, remote).await });
        }
        let mut states = self.link.state.subscribe();
        let failed = states.wait_for(|state| matches!(state, State::Failed(_)));
        match &*failed.await? {
            State::Failed(ending) => Err(ending.error()),
            State::Up(_) | State::Down => Ok(()),
        }
    }

    async fn accept(&self, listener: Listener, remote: u16) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.listener.accept() => match accepted {
                    Ok((connection, _)) => {
                        let local = listener.address.port();
                        self.link.tell(Told::Accepted { local });
                        let forwarder = self.clone();
                        connections.spawn(async move { forwarder.carry(connection, remote).await });
                    }
                    Err(_) => tokio::time::sleep(EXHAUSTED).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Carries one local connection to its end.
    async fn carry(&self, mut connection: TcpStream, remote: u16) {
        let _without = connection.set_nodelay(true);
        let mut stream = match self.open(remote).await {
            Ok(stream) => stream,
            Err(error) => {
                let message = format!("{error:#}");
                self.link.tell(Told::Refused {
                    port: remote,
                    message,
                });
                return reset(&connection);
            }
        };
        let copied =
            copy_bidirectional_with_sizes(&mut connection, &mut stream, BUFFER, BUFFER).await;
        // What was cut off must not look like what was complete.
        if copied.is_err() {
            reset(&connection);
        }
    }
}

/// Makes the end of a connection one that its other side takes for a fault.
fn reset(connection: &TcpStream) {
    let _else_it_ends_well = connection.set_zero_linger();
}
