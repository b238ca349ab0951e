//! What is sent and received, under the vendor's names.

pub use hellosign_wire::account::{
    AccountCreateRequest, AccountCreateResponse, AccountGetResponse, AccountResponse, AccountResponseQuotas,
    AccountUpdateRequest, AccountVerifyRequest, AccountVerifyResponse, AccountVerifyResponseAccount,
    WarningResponse,
};
pub use hellosign_wire::api_app::{
    ApiAppCreateRequest, ApiAppGetResponse, ApiAppListResponse, ApiAppResponse, ApiAppResponseOAuth,
    ApiAppResponseOwnerAccount, ApiAppUpdateRequest, ListInfoResponse, SubOAuth, SubOptions,
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
