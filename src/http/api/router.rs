//! Routes and what they need, in one statement each.

use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post};
use futures_util::future::Either;

use super::state::Api;
use crate::http::access::Scope;

/// A router that takes no route without the scope that it needs. Only here are routes added below
/// `http/`; a test of the architecture sees to that.
#[derive(Debug, Default)]
pub(in crate::http) struct ApiRouter(Router<Arc<Api>>);

impl ApiRouter {
    /// Adds `GET` on a path.
    pub(in crate::http) fn get<T: 'static>(
        self,
        path: &str,
        scope: Scope,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.route(path, get(Guarded { scope, handler }))
    }

    /// Adds `POST` on a path.
    pub(in crate::http) fn post<T: 'static>(
        self,
        path: &str,
        scope: Scope,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.route(path, post(Guarded { scope, handler }))
    }

    /// Adds `DELETE` on a path.
    pub(in crate::http) fn delete<T: 'static>(
        self,
        path: &str,
        scope: Scope,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.route(path, delete(Guarded { scope, handler }))
    }

    /// Adds `GET` on a path that is open to everyone, with any key or none.
    pub(in crate::http) fn open<T: 'static>(
        self,
        path: &str,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.route(path, get(handler))
    }

    /// Adds all routes of another router.
    pub(in crate::http) fn merge(self, other: Self) -> Self {
        Self(self.0.merge(other.0))
    }

    /// The routes, for axum.
    pub(in crate::http) fn into_router(self) -> Router<Arc<Api>> {
        self.0
    }

    fn route(self, path: &str, methods: MethodRouter<Arc<Api>>) -> Self {
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
    type Future = Either<H::Future, Ready<Response>>;

    fn call(self, mut request: Request, api: Arc<Api>) -> Self::Future {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| *peer);
        match api.access.admit(self.scope, &request, peer) {
            Ok(publisher) => {
                if self.scope == Scope::Publish {
                    request.extensions_mut().insert(publisher);
                }
                Either::Left(self.handler.call(request, api))
            }
            Err(refusal) => Either::Right(ready(refusal.into_response())),
        }
    }
}
