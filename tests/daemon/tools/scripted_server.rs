//! A server that says what a test wants it to say.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Answers each line by a script, and every other line with ERROR. It listens until the tests end.
pub struct ScriptedServer(String);

impl ScriptedServer {
    /// With these questions and answers. An empty answer closes the connection.
    pub fn new(script: &[(&str, &str)]) -> ScriptedServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let line = |(question, answer): &(&str, &str)| ((*question).to_owned(), (*answer).to_owned());
        let script: HashMap<String, String> = script.iter().map(line).collect();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let script = script.clone();
                thread::spawn(move || answer(stream, &script));
            }
        });
        ScriptedServer(address)
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.0
    }
}

fn answer(mut stream: TcpStream, script: &HashMap<String, String>) {
    for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
        let answer = script.get(line.trim_end()).map_or("ERROR\r\n", String::as_str);
        if answer.is_empty() || stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
