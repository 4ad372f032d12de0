import HTTPServer
import OptimizerSessions
import SystemIO
import TensorFormats

/// `GET /v1/sessions/{name}/steps/{n}`: what a step did, long after its answer (API §1).
struct ReceiptEndpoint {
    let rooms: ServiceRooms

    func read(_ exchange: Exchange, _ name: String, step: Int) throws(Problem) -> Decision {
        let query = try QueryParameters(exchange.head, known: ["generation"])
        let generation = try query.integer("generation", in: 1...Int.max)
        let session = try rooms.session(named: name)
        let receipt: StepReceipt
        do {
            receipt = try session.receipt(step: step, generation: generation)
        } catch {
            throw Problem(error, root: "")
        }
        var json = JSONWriter()
        json.beginObject()
        StepAnswer.write(receipt.outcome, of: name, session.durability, to: &json)
        json.member("time", WallClock.rfc3339(receipt.time))
        json.name("idempotency_key")
        if let key = receipt.key { json.string(key.text) } else { json.null() }
        json.endObject()
        return .respond(Response.content(TensorFormat.json.mediaType, json.bytes))
    }
}
