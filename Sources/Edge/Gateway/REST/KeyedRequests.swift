// Requests that may come twice under one `Idempotency-Key`.

extension RestService {
    /// Every signed-in request passes here. Answers are not kept yet: what has a key of its own command is safe to
    /// repeat, other requests are carried out each time.
    func carryOut(_ call: RestCall, by route: RestRoute) async throws -> RestAnswer {
        try await route.handler(call)
    }
}
