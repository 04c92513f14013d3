//! Routes and what they need, in one statement each.

use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::handler::Handler;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post};
use futures_util::future::{Either, FutureExt as _};
#[cfg(feature = "cli")]
use utoipa_axum::router::OpenApiRouter;

#[cfg(feature = "cli")]
use super::description::described;
use super::state::Api;
use crate::http::access::Scope;
use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;

/// In the binary, what adds a route also adds it to the description of the API. Users of the library
/// do not pay for that.
#[cfg(feature = "cli")]
type Inner = OpenApiRouter<Arc<Api>>;
#[cfg(not(feature = "cli"))]
type Inner = Router<Arc<Api>>;

/// A router that takes no route without the scope that it needs. Only here are routes added below
/// `http/`; a test of the architecture sees to that.
#[derive(Default)]
pub(in crate::http) struct ApiRouter(Inner);

impl ApiRouter {
    /// Adds `GET` on a path.
    pub(in crate::http) fn get<T: 'static>(
        self,
        path: &str,
        scope: Scope,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        let methods = get(Guarded { scope, handler });
        self.route(path, &Method::GET, scope, methods)
    }

    /// Adds `POST` on a path.
    pub(in crate::http) fn post<T: 'static>(
        self,
        path: &str,
        scope: Scope,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        let methods = post(Guarded { scope, handler });
        self.route(path, &Method::POST, scope, methods)
    }

    /// Adds `DELETE` on a path.
    pub(in crate::http) fn delete<T: 'static>(
        self,
        path: &str,
        scope: Scope,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        let methods = delete(Guarded { scope, handler });
        self.route(path, &Method::DELETE, scope, methods)
    }

    /// Adds `GET` on a path that is open to everyone, with any key or none. It is no part of the API.
    pub(in crate::http) fn open<T: 'static>(
        self,
        path: &str,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        Self(self.0.route(path, get(handler)))
    }

    /// Adds all routes of another router.
    pub(in crate::http) fn merge(self, other: Self) -> Self {
        Self(self.0.merge(other.0))
    }

    /// The routes, for axum.
    #[cfg(feature = "cli")]
    pub(in crate::http) fn into_router(self) -> Router<Arc<Api>> {
        self.0.into()
    }

    /// The routes, for axum.
    #[cfg(not(feature = "cli"))]
    pub(in crate::http) fn into_router(self) -> Router<Arc<Api>> {
        self.0
    }

    /// The description of the routes that need a scope.
    #[cfg(all(test, feature = "cli"))]
    pub(super) fn into_description(self) -> utoipa::openapi::OpenApi {
        self.0.into_openapi()
    }

    #[cfg(feature = "cli")]
    fn route(
        self,
        path: &str,
        method: &Method,
        scope: Scope,
        methods: MethodRouter<Arc<Api>>,
    ) -> Self {
        let paths = described(path, method, scope);
        Self(self.0.routes((Vec::new(), paths, methods)))
    }

    #[cfg(not(feature = "cli"))]
    fn route(self, path: &str, _: &Method, _: Scope, methods: MethodRouter<Arc<Api>>) -> Self {
        Self(self.0.route(path, methods))
    }
}

/// A handler that is called only with the right scope.
#[derive(Debug, Clone)]
struct Guarded<H> {
    scope: Scope,
    handler: H,
}

impl<T: 'static, H: Handler<T, Arc<Api>>> Handler<T, Arc<Api>> for Guarded<H> {
    type Future = Either<Pin<Box<dyn Future<Output = Response> + Send>>, Ready<Response>>;

    fn call(self, mut request: Request, api: Arc<Api>) -> Self::Future {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| *peer);
        match api.admit(self.scope, &request, peer) {
            Ok(publisher) => {
                if self.scope == Scope::Publish {
                    request.extensions_mut().insert(publisher);
                }
                let node = api.node.clone();
                let answer = self.handler.call(request, api);
                let record = move || node.record_panic("a request of the API");
                Either::Left(Box::pin(catch_panic(answer, record).map(not_cached)))
            }
            Err(refusal) => Either::Right(ready(refusal.into_response())),
        }
    }
}

/// No answer of the API is kept: it is about now.
fn not_cached(mut response: Response) -> Response {
    let headers = response.headers_mut().entry(CACHE_CONTROL);
    headers.or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The answer, or 500 if making it panics: the connection may have other requests.
async fn catch_panic(answer: impl Future<Output = Response>, record: impl FnOnce()) -> Response {
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    answer.unwrap_or_else(|_panic| {
        record();
        ApiError::from(ErrorCode::Internal).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_recorded_and_answered() {
        let mut is_recorded = false;
        let answer = catch_panic(async { panic!("a defect") }, || is_recorded = true).await;
        assert_eq!(answer.status(), 500);
        assert!(is_recorded);
    }
}
