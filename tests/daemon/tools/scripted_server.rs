//! A server with the replies of a script.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Replies to each line of the script, and to any other line with ERROR. It listens until the tests end.
pub struct ScriptedServer(String);

impl ScriptedServer {
    /// A server with these request lines and replies. An empty reply closes the connection.
    pub fn new(script: &[(&str, &str)]) -> ScriptedServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let line = |(request, reply): &(&str, &str)| ((*request).to_owned(), (*reply).to_owned());
        let script: HashMap<String, String> = script.iter().map(line).collect();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let script = script.clone();
                thread::spawn(move || serve(stream, &script));
            }
        });
        ScriptedServer(address)
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.0
    }
}

fn serve(mut stream: TcpStream, script: &HashMap<String, String>) {
    for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
        let reply = script.get(line.trim_end()).map_or("ERROR\r\n", String::as_str);
        if reply.is_empty() || stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}
