import Foundation

/// What every answer of `/auth` carries.
struct TokenGrant: Decodable, Sendable {
    struct User: Decodable, Sendable {
        let id: String
        let username: String
    }
    let user: User
    let accessToken: String
    let refreshToken: String
    /// Seconds.
    let expiresIn: Int

    enum CodingKeys: String, CodingKey {
        case user
        case accessToken = "access_token"
        case refreshToken = "refresh_token"
        case expiresIn = "expires_in"
    }
}

extension APIClient {
    func signIn(user: String, password: String) async throws -> TokenGrant {
        try await self.post("/auth/login", token: nil, body: ["username": user, "password": password])
    }

    /// Makes the account; signs in instead where the name is taken, so that a repeated command line works.
    func registerOrSignIn(user: String, password: String, invite: String?) async throws -> TokenGrant {
        var body = ["username": user, "password": password]
        if let invite { body["invite"] = invite }
        do {
            return try await self.post("/auth/register", token: nil, body: body)
        } catch ClientFailure.refused(409, _, _) {
            return try await self.signIn(user: user, password: password)
        }
    }

    func refresh(_ grant: TokenGrant) async throws -> TokenGrant {
        try await self.post("/auth/refresh", token: nil, body: ["refresh_token": grant.refreshToken])
    }
}
