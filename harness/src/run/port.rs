use std::{
    env, fs, io,
    net::{Ipv4Addr, TcpListener},
};

/// A TCP port of 127.0.0.1 that stays ours until this is dropped, even while nothing listens on it.
///
/// A server that is stopped and started again must find its port free. The kernel would hand a port of its ephemeral range to any
/// outgoing connection in the meantime, so ports come from below that range; a lock file keeps other processes of ours away.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: fs::File,
}

impl Port {
    const FIRST: u16 = 18_000;
    const LAST: u16 = 32_000;

    /// Reserves a free port.
    ///
    /// # Errors
    ///
    /// When the folder for the lock files cannot be written, or no port is free.
    pub fn reserve() -> io::Result<Self> {
        let folder = env::temp_dir().join("knockproof-ports");
        fs::create_dir_all(&folder)?;
        for _ in 0..2_000 {
            let number = rand::random_range(Self::FIRST..=Self::LAST);
            let lock = fs::File::options()
                .create(true)
                .append(true)
                .open(folder.join(number.to_string()))?;
            if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Self { number, _lock: lock });
            }
        }
        Err(io::Error::other(format!(
            "no free port of 127.0.0.1 between {} and {}",
            Self::FIRST,
            Self::LAST
        )))
    }

    /// The number of the port.
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn reserved_ports_differ_and_can_be_listened_on() {
        let ports: Vec<Port> = (0..50).map(|_| Port::reserve().unwrap()).collect();
        let numbers: HashSet<u16> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), 50);
        for port in &ports {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap();
        }
    }
}
