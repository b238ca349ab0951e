//! What is sent and received, under the vendor's names.

pub use hellosign_wire::account::{
    AccountGetResponse, AccountResponse, AccountResponseQuotas, WarningResponse,
};
pub use hellosign_wire::error::{
    ErrorCode, ErrorName, ErrorResponse, ErrorResponseError, OAuthErrorResponse,
};
pub use hellosign_wire::scope::{Payer, Scope};
pub use hellosign_wire::secret::{
    AccessToken, ApiKey, AuthorizationCode, ClientSecret, Password, RefreshToken,
};
pub use hellosign_wire::token::{
    GrantType, OAuthTokenGenerateRequest, OAuthTokenRefreshRequest, OAuthTokenResponse,
};
