/**
 * The names that the firmware uses most, before all others: the first 248 names of an image take one octet where they are used, the others
 * three, and else those of 600 functions come first. It is code that nothing runs, two octets for each name, and saves four hundred.
 * `npm run names` writes it anew, from what the images use.
 * Read first: docs/performance.md, "Heap and image".
 */
const o: any = {}
// biome-ignore format: a list
export const names = o.status && o
    .address.ifc.state.port.slot.remote.held.macHigh.phase.remotePort.session.status[" "].attempts.mask["."].codec.prepared.frame.process.tx
    .dialog.notify.offset.pending.known.peer.endpoints.tag.rx.started.count.direction.gateway.isCommon.macLow.first.referTo.cancelled.txFrames
    [":"].drops.due.failure.generation.leaseTime.left.play.renewAt.seconds.frames.up.EINVAL.answer.cseq.echo.localAddress.receiver.socket.end
    .notBefore.owner.reception.unprepare.waiter.waiting.xid.ENETDOWN.endpointOn.filter.fresh.isLive.nonce.peerCseq.ready.reason.registrar
    .ECONNREFUSED.dscp.expiresAt.localPort.onError.onPacket.onPayload.outbid.parties.reached.remoteAddress.routers.settle.talker.EADDRNOTAVAIL
    .add.callId.dequeue.ended.fiber.hangup.isRefresher.isStrict.needsAck.position.protocol.ptime.queue.queueLength.ring.router.sent.skipped
    .speaks.tos.uri.user.EHOSTUNREACH.ETIMEDOUT._reportHandlers.algorithm.avoided.b.datagrams.emit.exchange.find.heardAt.iaid.index.isHidden
    .isIncoming.lost.onCancel.onNeighbour.onWay.peerTag.pins.realm.rebindAt.rxSeen.sendTo.stop.transmit.tuple.EBADF.ECANCELED.EPROTONOSUPPORT
    .asked.checkUp.dhcp.dispose.events.expires.fail.hasQop.hear.hears.iface.onAddress.onConflict.onUnreachable.opaque.password.prefix.prepare
    .promiscuous.proxy.qop.records.refused.secs.sequence.speak.startsWith.target.tearDown.throwPending.tone.tosOctet.version.lan["1"]["2"]
    ["600"].ACK.ADDRESS.EACCES._eventHandlers.acd.aim.alias.auto.begin.bye.cancel.endpoint.expiresIn.hangUp.hasComfortNoise.hasInterrupt.heap
    .input.interrupt.isClosed.isQuiet.isSha256.isStale.jitterMs.keep.leaseSeconds.linger.live.local.mac.onSocketError.pcma.pcmu.pool.quick.rank
    .rapidCommit.received.remove.reset.rport.rtcpPort.rxFrames.setUp.settled.sha256.silence.stale.stream.t1.t2.transferred.url.username.work
    .host.tuplephone["02"].ACCOUNT.ACD.AUTHUSER.AUTOANSWER.DND
