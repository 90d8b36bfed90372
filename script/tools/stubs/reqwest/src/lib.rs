//! The items of reqwest that cargo-leptos refers to. Every request fails, and nothing is ever sent.

use std::fmt;

/// The outcome of every request.
#[derive(Debug)]
pub struct Error;

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("this build of cargo-leptos has no downloads")
    }
}

impl std::error::Error for Error {}

pub type Result<T> = std::result::Result<T, Error>;

/// Always returns an error.
pub async fn get(_: &str) -> Result<Response> {
    Err(Error)
}

#[derive(Debug, Default)]
pub struct ClientBuilder;

impl ClientBuilder {
    pub fn user_agent(self, _: &str) -> Self {
        self
    }

    /// Returns a client. Never fails.
    pub fn build(self) -> Result<Client> {
        Ok(Client)
    }
}

#[derive(Debug, Default)]
pub struct Client;

impl Client {
    pub fn get(&self, _: String) -> RequestBuilder {
        RequestBuilder
    }
}

#[derive(Debug)]
pub struct RequestBuilder;

impl RequestBuilder {
    /// Always returns an error.
    pub async fn send(self) -> Result<Response> {
        Err(Error)
    }
}

/// A response, which never exists.
#[derive(Debug)]
pub enum Response {}

impl Response {
    pub fn status(&self) -> StatusCode {
        match *self {}
    }

    pub async fn bytes(self) -> Result<bytes::Bytes> {
        match self {}
    }

    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T> {
        match self {}
    }
}

#[derive(Clone, Copy, Debug)]
pub enum StatusCode {}

impl StatusCode {
    pub fn is_success(self) -> bool {
        match self {}
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
