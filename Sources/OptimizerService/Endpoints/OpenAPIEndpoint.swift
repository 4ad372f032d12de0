import COpenAPI
import HTTPServer

/// `GET /openapi.yaml`: the file at the top of the repository, as it was when this was built.
enum OpenAPIEndpoint {
    // RFC 9512 registers the media type.
    private static let response = Response.content(
        "application/yaml",
        Array(UnsafeBufferPointer(start: copenapi_bytes(), count: copenapi_length())))

    static func document(_ exchange: Exchange) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        return .respond(response)
    }
}
