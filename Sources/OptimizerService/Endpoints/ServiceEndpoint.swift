import HTTPServer
import OptimizerEngine
import OptimizerSessions
import TensorFormats

/// `GET /v1`: what this service is, speaks and allows. The same answer for the process's life.
struct ServiceEndpoint {
    private let document: [UInt8]

    init(version: String, limits: PublishedLimits) {
        var json = JSONWriter()
        json.beginObject()
        json.member("service", "optimizerd")
        json.member("version", version)
        ServiceEndpoint.write(TensorFormat.allCases.map(\.mediaType), "formats", to: &json)
        ServiceEndpoint.write(
            DType.allCases.filter(\.isParameterType).map(\.rawValue), "dtypes", to: &json)
        ServiceEndpoint.write(OptimizerType.allCases.map(\.rawValue), "optimizers", to: &json)
        ServiceEndpoint.write(Durability.allCases.map(\.rawValue), "durability", to: &json)
        json.name("limits")
        json.beginObject()
        for (name, value) in limits.entries { json.member(name, value) }
        json.endObject()
        json.endObject()
        document = json.bytes
    }

    private static func write(_ words: [String], _ name: String, to json: inout JSONWriter) {
        json.name(name)
        json.beginArray()
        for word in words { json.string(word) }
        json.endArray()
    }

    func describe(_ exchange: Exchange) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        return .respond(Response.content(TensorFormat.json.mediaType, document))
    }
}
