//! A listener that nobody should reach.

use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};

/// Listens at one port on every address of this machine, of both families.
pub struct Trap(TcpListener);

impl Trap {
    pub fn set() -> Self {
        Self(TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap())
    }

    /// On one address only.
    pub fn at(address: impl Into<SocketAddr>) -> io::Result<Self> {
        TcpListener::bind(address.into()).map(Self)
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Nobody connected since it was set. The listener's queue is in the order of arrival, so a connection
    /// of our own must be the first and only one in it: proof that the trap works and that it was not
    /// touched before.
    pub fn assert_untouched(&self, what: &str) {
        let mut address = self.0.local_addr().unwrap();
        if address.ip().is_unspecified() {
            address.set_ip(Ipv6Addr::LOCALHOST.into());
        }
        let own = TcpStream::connect(address).unwrap();
        let (_first, from) = self.0.accept().unwrap();
        assert_eq!(from, own.local_addr().unwrap(), "{what} was dialled");
        self.0.set_nonblocking(true).unwrap();
        assert_eq!(self.0.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "{what} was dialled");
        self.0.set_nonblocking(false).unwrap();
    }
}
