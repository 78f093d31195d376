import ClientProtocol
import HTTPTypes
import Hummingbird
import NIOCore

/// Reads bodies from strangers: bounded in bytes and in time, JSON objects only.
enum RestBody {
    static let bytesMax = 1 << 20
    static let timeout = Duration.seconds(30)

    /// The JSON object of a body that must be there.
    static func object(_ request: Request) async throws -> JSONObject {
        guard Self.isJSON(request.headers[.contentType]) else {
            throw Problem(.unsupportedMediaType, detail: "The body must be application/json.")
        }
        return try Self.parse(try await Self.collect(request))
    }

    /// As `object`, where no body at all means an empty object.
    static func optionalObject(_ request: Request) async throws -> JSONObject {
        guard request.headers[.contentType] != nil else {
            guard try await Self.collect(request).readableBytes == 0 else {
                throw Problem(.unsupportedMediaType, detail: "The body must be application/json.")
            }
            return JSONObject()
        }
        return try await Self.object(request)
    }

    /// The fields of a form or of a JSON object (RFC 7662 asks for the form).
    static func formOrObject(_ request: Request) async throws -> JSONObject {
        let type = request.headers[.contentType].map(Self.mediaType)
        guard type == "application/x-www-form-urlencoded" else { return try await Self.object(request) }
        let body = try await Self.collect(request)
        guard let form = QueryParameters(parsing: String(buffer: body)) else { throw Problem(.malformed) }
        return JSONObject(form.items.map { .init(name: $0.name, value: .string($0.value)) })
    }

    private static func parse(_ body: ByteBuffer) throws -> JSONObject {
        let parsed: Result<JSONValue, JSONError> = body.withUnsafeReadableBytes { raw in
            raw.withMemoryRebound(to: UInt8.self) { bytes in
                do throws(JSONError) { return .success(try JSONValue(parsing: bytes)) } catch { return .failure(error) }
            }
        }
        switch parsed {
        case .success(.object(let object)): return object
        case .success: throw Problem([FieldError(field: "", detail: "The body must be a JSON object.")])
        case .failure(let error):
            throw Problem(.malformed, detail: "The body is not JSON: \(error.reason) at byte \(error.offset).")
        }
    }

    private static func isJSON(_ contentType: String?) -> Bool {
        guard let contentType else { return false }
        return Self.mediaType(contentType) == "application/json"
    }

    /// The type without its parameters, in lower case.
    private static func mediaType(_ contentType: String) -> String {
        let end = contentType.firstIndex(of: ";") ?? contentType.endIndex
        return contentType[..<end].trimmingSpaces.lowercased()
    }

    /// The whole body. Refuses what declares to be too large or encoded without reading it.
    static func collect(_ request: Request) async throws -> ByteBuffer {
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw Problem(.unsupportedMediaType, detail: "The body must not be encoded.")
        }
        if let declared = request.headers[.contentLength] {
            guard let length = Int(declared) else { throw Problem(.tooLarge) }
            guard length <= Self.bytesMax else { throw Problem(.tooLarge) }
            if length == 0 { return ByteBuffer() }
        }
        let body = request.body
        return try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
            group.addTask { try await body.collect(upTo: Self.bytesMax) }
            group.addTask {
                try await Task.sleep(for: Self.timeout)
                return nil
            }
            defer { group.cancelAll() }
            // Whichever is first: the body, or the end of patience.
            guard let first = try await group.next(), let buffer = first else { throw Problem(.timeout) }
            return buffer
        }
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var text = self
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
