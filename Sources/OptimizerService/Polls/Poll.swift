import Dispatch
import HTTPServer
import OptimizerEngine
import OptimizerSessions

/// A read of parameters whose client has the present ones and waits for others, up to some time
/// (RFC 7240 §4.3).
struct Poll: Sendable {
    let exchange: Exchange
    let session: Session
    /// What the client has.
    let tag: SessionTag
    let tensors: TensorAnswer
    /// What is read when there are others; polls that agree in it share a reading.
    let reading: Reading
    let seconds: Int
    let end: DispatchTime
    let responder: Responder

    struct Reading: Hashable {
        let type: ElementType
        /// nil: all tensors.
        let tensor: Int?
    }

    init(
        _ exchange: Exchange, of session: Session, tag: SessionTag, tensors: TensorAnswer,
        tensor: Int?, seconds: Int, _ responder: Responder
    ) {
        self.exchange = exchange
        self.session = session
        self.tag = tag
        self.tensors = tensors
        reading = Reading(type: tensors.type, tensor: tensor)
        self.seconds = seconds
        end = .now() + .seconds(seconds)
        self.responder = responder
    }

    /// There is nothing else.
    ///
    /// - Parameter hasWaited: until the end that was asked for.
    func answerUnchanged(hasWaited: Bool) {
        responder.send(
            Response.notModified(
                tag, variant: tensors.tagVariant, varying: tensors.varying,
                waiting: hasWaited ? seconds : nil))
    }

    func answer(_ result: Result<ParameterReading, SessionError>, _ rooms: ServiceRooms) {
        switch result {
        case .success(let reading):
            var tensors = tensors
            do throws(Problem) {
                try tensors.reserve(rooms.bodies, membersBytes: ParametersAnswer.membersBytes)
                try ParametersAnswer(tensors: tensors, waited: seconds)
                    .respond(reading, writers: rooms.writers) { responder.send($0) }
            } catch {
                responder.send(exchange.response(error))
            }
        case .failure(let error):
            responder.send(exchange.response(error, root: "/parameters"))
        }
    }
}
