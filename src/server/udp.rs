//! UDP (`-U`): receives datagrams, hands each to a session of its own (`session::Datagram`), sends the replies.
//!
//! Invariants: a turn ends with its work budget, as that of a connection; a panic costs the answer to one datagram.

use super::event_loop::{note_work, yield_now};
use super::socket::DatagramSocket;
use super::worker::Worker;
use crate::session::{
    AcceptedProtocol, Budget, DATAGRAM_MAX_BYTES, Datagram, Message, ReplyBuffer, SessionContext,
};
use log::{debug, error};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Serves a socket until the task is ended.
pub(super) async fn serve(mut socket: DatagramSocket, worker: Worker, protocol: AcceptedProtocol) {
    let mut datagram = vec![0; DATAGRAM_MAX_BYTES];
    let mut server = Server::new(&mut socket, worker);
    loop {
        match server.socket.recv_from(&mut datagram).await {
            Ok((len, peer)) => {
                server.worker.counters().bytes_read.add(len as u64);
                server.spend(len).await;
                if let Err(error) = server.answer(&datagram[..len], peer, protocol).await {
                    debug!("no answer to {peer} by UDP: {error}");
                }
            }
            Err(error) => {
                debug!("UDP: {error}");
                // It is about more than one datagram.
                server.worker.pause().await;
            }
        }
    }
}

/// A socket with what its turns need.
struct Server<'a> {
    socket: &'a mut DatagramSocket,
    worker: Worker,
    budget: Budget,
    output: ReplyBuffer,
    packet: Vec<u8>,
}

impl Server<'_> {
    fn new(socket: &mut DatagramSocket, worker: Worker) -> Server<'_> {
        let budget = Budget::new(worker.shared.settings.requests_per_event);
        Server { socket, worker, budget, output: ReplyBuffer::default(), packet: Vec::new() }
    }

    /// Pays for work, and lets others have their turn when the budget is used up.
    async fn spend(&mut self, bytes: usize) {
        self.budget.spend(bytes);
        if self.budget.is_exhausted() {
            note_work(self.budget.spent_bytes());
            yield_now().await;
            self.budget = Budget::new(self.worker.shared.settings.requests_per_event);
        }
    }

    /// Executes the requests that are complete in a datagram and sends their replies.
    async fn answer(
        &mut self,
        datagram: &[u8],
        peer: SocketAddr,
        protocol: AcceptedProtocol,
    ) -> io::Result<()> {
        let reply_max_bytes = self.worker.shared.settings.udp_reply_max_bytes;
        let engine = self.worker.shared.engine.clone();
        let Some(mut requests) = Datagram::read(&engine, datagram, protocol, reply_max_bytes) else {
            return Ok(());
        };
        while let Some(message) = self.next_message(&mut requests, peer) {
            match message {
                Message::Send => self.send(&requests, peer).await?,
                Message::None => {}
                Message::Shutdown(mode) => self.worker.shared.ask_to_stop(mode),
            }
            self.spend(0).await;
        }
        Ok(())
    }

    fn next_message(&mut self, requests: &mut Datagram<'_>, peer: SocketAddr) -> Option<Message> {
        self.output.clear();
        let Server { worker, budget, output, .. } = self;
        let engine = &worker.shared.engine;
        let counters = worker.counters();
        let host = SessionContext { engine, counters, fd: 0, entry: None, sender: Some(&peer.ip()) };
        // What a panic leaves half done goes with the datagram; its message was written when it began.
        let next = catch_unwind(AssertUnwindSafe(|| requests.next_message(&host, output, budget)));
        next.unwrap_or_else(|_| {
            error!("a request by UDP was dropped, because its execution failed");
            None
        })
    }

    /// Sends the message in the output, cut into datagrams.
    async fn send(&mut self, requests: &Datagram<'_>, peer: SocketAddr) -> io::Result<()> {
        let output = std::mem::take(&mut self.output);
        let mut packets = requests.packets(&output);
        let mut packet = std::mem::take(&mut self.packet);
        while packets.next_into(&mut packet) {
            self.socket.send_to(&packet, peer).await?;
            self.worker.counters().bytes_written.add(packet.len() as u64);
            self.spend(packet.len()).await;
        }
        (self.output, self.packet) = (output, packet);
        Ok(())
    }
}
