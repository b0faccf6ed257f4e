//! Requests whose answers hold nothing but that they were done.

use matrix_sdk::ruma::{
    api::{
        EndpointError, IncomingResponse, Metadata, OutgoingRequest,
        auth_scheme::AuthScheme,
        error::{FromHttpResponseError, IntoHttpError},
        path_builder::PathBuilder,
    },
    exports::{bytes::BufMut, http},
};
use serde::de::Error as _;
use serde_json::{Map, Value};

/// A request that counts as done only where a homeserver says so. Of an answer in which it has nothing to read the SDK looks at
/// nothing but the status, and takes any below 400 for a success: so the page of a proxy, or a redirection that names no place,
/// would be an invite that was sent.
#[derive(Clone, Debug)]
pub struct Strict<R>(pub R);

/// What a homeserver answered.
#[derive(Clone, Debug)]
pub struct Answered<A>(pub A);

impl<R: Metadata> Metadata for Strict<R> {
    const METHOD: http::Method = R::METHOD;
    const RATE_LIMITED: bool = R::RATE_LIMITED;
    type Authentication = R::Authentication;
    type PathBuilder = R::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = R::PATH_BUILDER;
}

impl<R: OutgoingRequest> OutgoingRequest for Strict<R> {
    type EndpointError = R::EndpointError;
    type IncomingResponse = Answered<R::IncomingResponse>;

    fn try_into_http_request<T: Default + BufMut + AsRef<[u8]>>(
        self,
        base_url: &str,
        authentication: <Self::Authentication as AuthScheme>::Input<'_>,
        path: <Self::PathBuilder as PathBuilder>::Input<'_>,
    ) -> Result<http::Request<T>, IntoHttpError> {
        self.0.try_into_http_request(base_url, authentication, path)
    }
}

impl<A: IncomingResponse> IncomingResponse for Answered<A> {
    type EndpointError = A::EndpointError;

    fn try_from_http_response<T: AsRef<[u8]>>(
        response: http::Response<T>,
    ) -> Result<Self, FromHttpResponseError<Self::EndpointError>> {
        let status = response.status();
        if status.is_success() && serde_json::from_slice::<Map<String, Value>>(response.body().as_ref()).is_err() {
            let problem = format!("HTTP {} with a body that is not from a Matrix server", status.as_u16());
            return Err(FromHttpResponseError::Deserialization(
                serde_json::Error::custom(problem).into(),
            ));
        }
        match status.is_success() {
            true => A::try_from_http_response(response).map(Self),
            false => Err(FromHttpResponseError::Server(A::EndpointError::from_http_response(
                response,
            ))),
        }
    }
}
