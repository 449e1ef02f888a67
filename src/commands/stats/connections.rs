//! `stats conns`.

use crate::clock::Now;
use crate::commands::Engine;
use crate::protocol::ReplyBuffer;

impl Engine {
    /// Appends some of the connections from descriptor `first` on. Returns the next descriptor, if there are more.
    pub(in crate::commands) fn connections_from(
        &self,
        first: i32,
        now: Now,
        out: &mut ReplyBuffer,
    ) -> Option<i32> {
        let (rows, next) = self.connections.rows(first);
        for row in rows {
            let mut stat = |name: &str, value: &dyn std::fmt::Display| {
                out.push_stat(format_args!("{}:{name}", row.fd), value);
            };
            if row.udp {
                stat("UDP", &"UDP");
            }
            stat("addr", &row.address);
            if let Some(listen_address) = &row.listen_address {
                stat("listen_addr", listen_address);
            }
            stat("state", &row.state);
            stat("secs_since_last_cmd", &now.secs().saturating_sub(row.last_command_secs));
        }
        next
    }
}
