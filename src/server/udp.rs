//! UDP (`-U`): receives datagrams, executes each in a session of its own (`session::Datagram`), sends the replies.
//!
//! Invariants: a turn ends with its work budget, as that of a connection; a panic loses the reply to one datagram.

use super::event_loop::{note_work, yield_now};
use super::socket::DatagramSocket;
use super::state::ServerState;
use crate::session::{
    AcceptedProtocol, Budget, DATAGRAM_MAX_BYTES, Datagram, Message, ReplyBuffer, SessionContext,
};
use log::{debug, error};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Serves a socket until the task is cancelled.
pub(super) async fn serve(mut socket: DatagramSocket, state: Arc<ServerState>, protocol: AcceptedProtocol) {
    let mut datagram = vec![0; DATAGRAM_MAX_BYTES];
    let mut server = UdpServer::new(&mut socket, state);
    loop {
        match server.socket.recv_from(&mut datagram).await {
            Ok((len, sender)) => {
                server.state.counters().bytes_read.add(len as u64);
                server.spend(len).await;
                if let Err(error) = server.reply(&datagram[..len], sender, protocol).await {
                    debug!("no reply to {sender} by UDP: {error}");
                }
            }
            Err(error) => {
                debug!("UDP: {error}");
                // Such an error may persist, so the next attempt waits.
                server.state.wait_for_tick().await;
            }
        }
    }
}

/// A socket, with the budget and buffers of its turns.
struct UdpServer<'a> {
    socket: &'a mut DatagramSocket,
    state: Arc<ServerState>,
    budget: Budget,
    output: ReplyBuffer,
    packet: Vec<u8>,
}

impl UdpServer<'_> {
    fn new(socket: &mut DatagramSocket, state: Arc<ServerState>) -> UdpServer<'_> {
        let budget = Budget::new(state.settings.requests_per_event);
        UdpServer { socket, state, budget, output: ReplyBuffer::default(), packet: Vec::new() }
    }

    /// Spends budget, and yields when it is exhausted.
    async fn spend(&mut self, bytes: usize) {
        self.budget.spend(bytes);
        if self.budget.is_exhausted() {
            note_work(self.budget.spent_bytes());
            yield_now().await;
            self.budget = Budget::new(self.state.settings.requests_per_event);
        }
    }

    /// Executes the requests that are complete in a datagram and sends their replies.
    async fn reply(
        &mut self,
        datagram: &[u8],
        sender: SocketAddr,
        protocol: AcceptedProtocol,
    ) -> io::Result<()> {
        let reply_max_bytes = self.state.settings.udp_reply_max_bytes;
        let engine = self.state.engine.clone();
        let Some(mut requests) = Datagram::read(&engine, datagram, protocol, reply_max_bytes) else {
            return Ok(());
        };
        while let Some(message) = self.next_message(&mut requests, sender) {
            match message {
                Message::Send => self.send(&requests, sender).await?,
                Message::None => {}
                Message::Shutdown(mode) => self.state.request_shutdown(mode),
            }
            self.spend(0).await;
        }
        Ok(())
    }

    fn next_message(&mut self, requests: &mut Datagram<'_>, sender: SocketAddr) -> Option<Message> {
        self.output.clear();
        let UdpServer { state, budget, output, .. } = self;
        let engine = &state.engine;
        let counters = state.counters();
        let context = SessionContext { engine, counters, fd: 0, entry: None, sender: Some(&sender.ip()) };
        // The incomplete work of a panic is dropped with the datagram. The panic was logged when it began.
        let next = catch_unwind(AssertUnwindSafe(|| requests.next_message(&context, output, budget)));
        next.unwrap_or_else(|_| {
            error!("a request by UDP was dropped, because its execution failed");
            None
        })
    }

    /// Sends the message in the output, divided into datagrams.
    async fn send(&mut self, requests: &Datagram<'_>, sender: SocketAddr) -> io::Result<()> {
        let output = std::mem::take(&mut self.output);
        let mut packets = requests.packets(&output);
        let mut packet = std::mem::take(&mut self.packet);
        while packets.next_into(&mut packet) {
            self.socket.send_to(&packet, sender).await?;
            self.state.counters().bytes_written.add(packet.len() as u64);
            self.spend(packet.len()).await;
        }
        (self.output, self.packet) = (output, packet);
        Ok(())
    }
}
