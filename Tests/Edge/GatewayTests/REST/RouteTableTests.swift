import ChatModel
import HTTPTypes
import Testing

@testable import Gateway

@Suite struct RouteTableTests {
    @Test(
        arguments: [
            (RestRoute.Access.open, [nil, .guest, .member, .moderator, .admin]),
            (.bearer, [.guest, .member, .moderator, .admin]),
            (.moderator, [.moderator, .admin]),
            (.admin, [.admin]),
        ] as [(RestRoute.Access, [Role?])])
    func `each route lets in the roles that it is for`(access: RestRoute.Access, allowed: [Role?]) {
        for role in [nil, .guest, .member, .moderator, .admin] as [Role?] {
            #expect(access.allows(role) == allowed.contains(role))
        }
    }

    @Test func `the gateway keeps the answers to what signed-in people post, unless a route says otherwise`() {
        func keying(_ route: RestRoute) -> RestRoute.Keying { route.keying }
        #expect(keying(RestRoute(.post, "/x", .bearer, doc: .getHealth) { _ in .noContent }) == .byGateway)
        #expect(keying(RestRoute(.post, "/x", .admin, doc: .getHealth) { _ in .noContent }) == .byGateway)
        #expect(
            keying(RestRoute(.post, "/x", .bearer, keying: .byCommand, doc: .getHealth) { _ in .noContent })
                == .byCommand)
        #expect(keying(RestRoute(.post, "/x", .open, doc: .getHealth) { _ in .noContent }) == .ignored)
        #expect(keying(RestRoute(.put, "/x", .bearer, doc: .getHealth) { _ in .noContent }) == .ignored)
    }

    @Test func `no method of a path stands twice in the table`() {
        let routes = RestNode().routes.map { "\($0.method) \($0.path)" }
        #expect(routes.count == Set(routes).count)
        #expect(routes.contains("POST /v1/messages"))
    }
}
