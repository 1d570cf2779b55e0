/**
 * Every bound of Berth in one table: its value, the range a configuration may choose from, the reason, and what happens
 * at it. Pure. Each thread gets the effective values in its Boot. The configuration changes them, each in its
 * section (`flushFrames` is `[journal] flush_frames` and `BERTH_JOURNAL__FLUSH_FRAMES`); so tests run with tiny ones.
 */
export interface Limit {
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** Why this value, and what happens when it is reached. */
  readonly why: string;
}

const limit = (value: number, min: number, max: number, why: string): Limit => ({ value, min, max, why });

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** By configuration section. Names are unique across sections. */
// deno-fmt-ignore: a table, one row a line.
export const LIMIT_SECTIONS = {
  tcp: {
    frameBytes: limit(32 * KiB, 1292, 256 * KiB, "Cameras and FM6 devices send more than 8 KiB. A longer declared length closes the connection; nothing is allocated for it."),
    loginTimeoutMs: limit(15 * SECOND, 100, 10 * MINUTE, "A socket that says nothing costs a descriptor. Closed, counted."),
    idleTimeoutMs: limit(30 * MINUTE, 100, DAY, "Longer than open-link plus ping timeouts of trackers; a FIN may never come. Closed, counted."),
    keepAliveIdleS: limit(300, 1, 7200, "A shorter one costs megabytes per SIM and month. Takeover makes fast death detection needless."),
    keepAliveIntervalS: limit(30, 1, 600, "A silent peer is lost at the second probe, after 330 s, as the user timeout has passed then."),
    keepAliveProbes: limit(4, 1, 20, "See keepAliveIntervalS. Counts only with a user timeout longer than all of it: Linux gives up at the first unanswered probe after that timeout."),
    userTimeoutMs: limit(120 * SECOND, 1000, 30 * MINUTE, "TCP_USER_TIMEOUT: unacknowledged bytes older than this end the connection."),
    evictedCloseMs: limit(1 * SECOND, 10, 10 * SECOND, "An evicted socket that does not take its FIN within this gets a reset."),
    afterlifeMs: limit(5 * SECOND, 0, 60 * SECOND, "An evicted peer that has not taken its FIN when its reset is due is listened to for this long in all, as evidence for conflicts. It would not hear the reset either."),
    afterlifeSockets: limit(64, 0, 4096, "Evicted sockets listened to for longer, shared out over the workers; well below loginSockets, which they take places of. Beyond: reset in time; what might have been heard is not."),
    unackedFramesPerConnection: limit(64, 1, 256, "A pipelining sender. Reading pauses until verdicts arrive."),
    unackedFramesPerWorker: limit(1 << 16, 64, 1 << 20, "The worker's FIFO of frames without a verdict. Reading pauses."),
    outboundBytesPerConnection: limit(64 * KiB, 1 * KiB, 1 * MiB, "Acknowledgements a peer does not read. Closed as slow, counted."),
    connections: limit(65_536, 1, 65_536, "Slots of a worker are 16 bits. The effective number is also below the file limit minus 512. A login beyond it that replaces none is closed unanswered."),
    loginSockets: limit(256, 0, 4096, "Sockets beyond `connections`, so that a connected device can always log in again: a replacement does not count. A newcomer is closed unanswered."),
    socketsBeforeLoginPerAddress: limit(4096, 1, 65_536, "Sockets that have not logged in, per address. Newer ones are closed, counted."),
    failedLoginsPerSecondPerAddress: limit(100, 1, 100_000, "Failed logins and TLS handshakes only: a whole fleet may sit behind one carrier address. Closed, counted."),
    refusedWindowMs: limit(10 * SECOND, 10, 10 * MINUTE, "Refusals of one device become one event per this time, so that a flood cannot fill the disk."),
    refusedIdentities: limit(4096, 1, 1 << 20, "Devices whose refusals are being counted for an event. Beyond: metrics only."),
    pendingCandidates: limit(1024, 1, 65_536, "Newcomers waiting for a probe of the holder. Beyond: refused."),
    acceptBacklog: limit(4096, 16, 65_535, "A fleet returns all at once after an outage. The kernel drops SYNs beyond it."),
    proxyHeaderMs: limit(5 * SECOND, 100, 60 * SECOND, "A balancer writes its PROXY header with the connection's first bytes; longer than one retransmission. Closed, counted."),
    proxyHeaderBytes: limit(2 * KiB, 232, 65_551, "A PROXY header of version 2 with all it carries, of which only the address is kept. A longer one closes the connection, counted."),
    tlsHandshakeMs: limit(15 * SECOND, 100, 10 * MINUTE, "A TLS handshake that takes longer costs a descriptor. A sleepy radio takes seconds for its two rounds. Closed, counted."),
    lobbySockets: limit(4096, 1, 65_536, "Sockets of one worker that wait for the end of their PROXY header, and again so many for that of their TLS handshake. More are reset, counted; devices come again."),
    acceptPauseMs: limit(50, 1, 10 * SECOND, "Accepting pauses this long when descriptors run out (EMFILE); counted."),
  },
  udp: {
    udpIdleMs: limit(5 * MINUTE, 100, DAY, "A device that was heard over UDP is offline after this silence. A record later than that is a connection of its own in the history."),
    udpMoveMs: limit(10 * SECOND, 0, 10 * MINUTE, "A device heard over UDP moves to another address once in this time, so that nobody fills its history by sending in its name. Until then a sender at another address stands beside."),
    udpReachMs: limit(30 * SECOND, 100, DAY, "A command goes to a device only this long after a datagram of it: by then a NAT on the way may have given its port to another. Later it waits for the next one."),
    udpSenders: limit(16_384, 1, 65_536, "Devices heard over UDP within that time, one for each address they send from; at most a quarter of `connections`, so that datagrams never take the room of sessions. One more takes the place of one that was heard once only; where all were heard again, that of who is silent for longest; or is met with silence, counted: the device keeps its records and sends them again."),
    udpConfirmMs: limit(1 * SECOND, 0, 5 * MINUTE, "A device that was heard again so long after its first datagram is there. One that was not may be a made-up name: when the senders are too many, it makes room for another first, so that forged datagrams shut nobody out. Nobody that was heard within this time makes room."),
    udpDatagramsPerSecondPerAddress: limit(10_000, 1, 1_000_000, "A datagram proves nothing about who sent it. Many devices may sit behind one address of a carrier. Beyond: dropped, counted; devices send again."),
    udpHeldPackets: limit(16, 1, 1024, "Packets of one sender that wait until the registry has decided, or for their commit. Beyond: dropped, counted."),
    udpHeldBytes: limit(4 * MiB, 64 * KiB, 256 * MiB, "Bytes of packets that wait until the registry has decided, of all senders. Beyond: dropped, counted."),
  },
  admission: {
    probeMs: limit(2 * SECOND, 10, 60 * SECOND, "A holder that has not answered its probe by then is taken over. Two keepalive probes a second apart fit in."),
    trackerProbeMs: limit(10 * SECOND, 10, 60 * SECOND, "The same for a tracker: a sleeping radio answers after seconds."),
    parkMs: limit(3 * SECOND, 10, 60 * SECOND, "Policy recent: the smaller side waits this long for the bigger one's choice, then takes the newest connection by itself."),
    heldRetryMs: limit(30 * SECOND, 0, 10 * MINUTE, "When a newcomer refused for a holder that answers may come again, where its transport can say so."),
    waitersPerDevice: limit(4, 1, 64, "Newcomers of one device that share one probe. Beyond: refused, the holder untouched."),
    policyClasses: limit(64, 1, 1024, "Classes with a policy of their own; each admission looks through them. More are refused by the configuration."),
    policyDevices: limit(65_536, 1, 1 << 20, "Devices with a policy of their own in the configuration. More are refused by it."),
    connectionsPerDevice: limit(16, 1, 64, "The largest n of multi(n). A larger one is refused by the configuration and the interface."),
  },
  peer: {
    namedPeers: limit(64, 1, 64, "Other gateways named in the configuration. More are refused by it."),
    peerSockets: limit(256, 1, 4096, "Connections to and from other gateways, greeted or not; four for each named peer, and the rest for strangers. One more that comes is reset, our own dials have room."),
    greetingMs: limit(5 * SECOND, 50, 60 * SECOND, "A peer that has not greeted by then is closed with a line that says so."),
    greetingBytes: limit(1 * KiB, 128, 16 * KiB, "A line between peers, as a greeting is. A longer one closes the connection."),
    pingMs: limit(10 * SECOND, 20, 10 * MINUTE, "A peer hears a ping line this often, so that both sides notice a dead path."),
    peerDeadMs: limit(35 * SECOND, 50, 30 * MINUTE, "A peer that has said nothing for this long is gone: three pings and some."),
    dialStageMs: limit(10 * SECOND, 50, 5 * MINUTE, "A dial that stays at one stage for this long is aborted and tried again later."),
    dialSupersededMs: limit(2 * SECOND, 10, 60 * SECOND, "A dial given up for an incoming connection waits this long for it to register; then it counts as failed."),
    dialPercent: limit(100, 1, 100, "Scales the delays of dials, up to 3, 10 and 20 s by attempt. Tests use 1."),
  },
  // All sizes are powers of two; a message is at most a quarter of its ring.
  rings: {
    frameRingBytes: limit(8 * MiB, 4 * KiB, 256 * MiB, "Codec worker to journal: 40,000 usual frames. Full: the worker pauses reading."),
    controlRingBytes: limit(16 * MiB, 4 * KiB, 64 * MiB, "Claims, closes, decisions and lifecycle events. Room for one close per live connection is reserved; when only that is left new logins are closed unanswered (store_busy)."),
    acceptRingBytes: limit(256 * KiB, 4 * KiB, 4 * MiB, "Accepted descriptors on their way to a worker. Full: accepting waits; the kernel queues."),
    exceptionRingBytes: limit(64 * KiB, 4 * KiB, 4 * MiB, "Verdicts other than all-kept, as ranges. Full: the settled word of that worker waits."),
    messageRingBytes: limit(4 * MiB, 4 * KiB, 64 * MiB, "Published messages on their way from an http thread to the journal. Full: 503, or an error on a WebSocket."),
    broadcastRingBytes: limit(16 * MiB, 4 * KiB, 256 * MiB, "Committed rows on their way to the http threads. A lapped reader pages from the store instead."),
    readerRingBytes: limit(4 * MiB, 4 * KiB, 64 * MiB, "Requests to and answers from a reader thread. Full: the answer waits."),
    ringStartPosition: limit(0, 0, 0xffff_ffff, "Where ring positions start. Tests start just below 2^32 to see them wrap."),
  },
  journal: {
    commitBytes: limit(4 * MiB, 1 * KiB, 64 * MiB, "Frames taken into one commit. The rest goes into the next one."),
    overlapBytes: limit(16 * KiB, 1, 64 * MiB, "With so much waiting for the next commit, the sync of this one is left to the sync thread; with less it is done at once, which is sooner."),
    syncCommits: limit(4, 1, 64, "Commits written and not known to be on the disk; the next one waits for the oldest."),
    rowBytes: limit(64 * KiB, 1 * KiB, 1 * MiB, "Body of one log row. A commit has as many rows as it needs."),
    flushFrames: limit(65_536, 1, 1 << 24, "Entries in the tail before runs are written."),
    flushBytes: limit(64 * MiB, 1 * KiB, 1 * GiB, "Bytes in the tail before runs are written."),
    flushAgeMs: limit(60 * MINUTE, 10, DAY, "Age of the oldest entry in the tail before runs are written."),
    flushRestMs: limit(300, 10, DAY, "With nothing new for this long, a tail of flushRestBytes is written to runs: what waits for more in memory costs every thread that follows."),
    flushRestBytes: limit(256 * KiB, 1, 1 * GiB, "Bytes in the tail that are worth it."),
    sliceRows: limit(64, 1, 100_000, "Rows written or deleted between two commits, so that no acknowledgement waits for a flush."),
    sliceBytes: limit(256 * KiB, 1 * KiB, 64 * MiB, "Bytes of references written between two commits. A few busy devices fill a run long before they fill the rows."),
    mergeFanIn: limit(16, 2, 256, "Segments of one level that merge into one of the next, so that a query touches few rows whatever the age."),
    coverageIntervals: limit(32, 1, 1024, "Intervals of stored record times per device. The two nearest join beyond it; a join only costs extra compares."),
    coverageGapMs: limit(10 * MINUTE, 0, DAY, "Hulls nearer than this join at once."),
    futureMs: limit(DAY, 1000, 365 * DAY, "A record dated further ahead of its arrival is kept, but is never newest nor the last position."),
    devices: limit(262_144, 1, 1 << 22, "Known devices. A new identity beyond it is refused (device_limit)."),
    fenceBlock: limit(1 << 20, 2, 1 << 30, "Fences reserved on disk before use; raised again when half is used."),
    quarantinePerDevice: limit(100, 1, 10_000, "Distinct undecodable frames kept per device. Beyond: counted only."),
    quarantineBytes: limit(256 * MiB, 1 * KiB, 16 * GiB, "Undecodable frames kept in all. Beyond: counted only."),
    lastingOrders: limit(64, 1, 4096, "Orders of operators (about kept frames, acknowledged conflicts) on their way to the disk. Beyond: 503 with Retry-After."),
    crcFailuresKept: limit(10, 0, 1000, "Newest frames with a wrong CRC, kept to look at; the older go."),
    takeoversPerDevice: limit(1000, 1, 100_000, "Rows of history per device. The oldest go."),
    retentionMs: limit(30 * DAY, 10, 3650 * DAY, "Age of the oldest entry kept, and the horizon of de-duplication. Older ones are deleted."),
    retentionBytes: limit(8 * GiB, 64 * KiB, 1024 * GiB, "Size of the store, write-ahead log included; also at most half the free disk at start. The oldest entries are deleted."),
    freeDiskBytes: limit(256 * MiB, 0, 64 * GiB, "Free space below which the oldest entries are deleted."),
    reserveBytes: limit(64 * MiB, 0, 1 * GiB, "A file given back when the disk is full, so that deleting can run at all; made again after."),
    checkpointBytes: limit(64 * MiB, 64 * KiB, 4 * GiB, "Write-ahead log size at which a reader copies it back."),
    probeCommitMinMs: limit(100, 1, 10 * SECOND, "First pause between attempts while commits fail; doubles."),
    probeCommitMaxMs: limit(5 * SECOND, 1, 60 * SECOND, "Longest pause between attempts while commits fail."),
    commitFailingMs: limit(5 * SECOND, 1, 60 * SECOND, "Commits failing for this long: new sockets are closed before login, so that devices go to their backup server."),
  },
  http: {
    readWaitMs: limit(2 * SECOND, 1, 60 * SECOND, "A read waits this long for its tail to reach what was committed when it arrived. Then 503 with Retry-After."),
    pageRecords: limit(1000, 1, 10_000, "Records of one page. A long read transaction would pin the write-ahead log."),
    pageBytes: limit(256 * KiB, 1 * KiB, 4 * MiB, "Bytes of one page. The rest is the next page."),
    sortedMatches: limit(100_000, 100, 1_000_000, "Records one query may sort by time. Beyond: 422, ask for a shorter range."),
    pagesInFlight: limit(4, 1, 64, "Pages asked of a reader at a time; round-robin, so that a reconnect storm cannot starve live traffic."),
    windowEvents: limit(2000, 1, 1_000_000, "Newest events held in memory per http thread. Older ones come from the store."),
    windowBytes: limit(16 * MiB, 4 * KiB, 1 * GiB, "Bytes of the newest events held in memory per http thread, without their text as it is sent. Older ones come from the store."),
    windowMs: limit(30 * SECOND, 10, 10 * MINUTE, "Age of the oldest event held in memory per http thread."),
    subscriberEvents: limit(256, 1, 100_000, "Events queued for one subscriber. It falls back to paging."),
    subscriberBytes: limit(1 * MiB, 4 * KiB, 64 * MiB, "Bytes queued for one subscriber. It falls back to paging."),
    subscriberLagMs: limit(5 * MINUTE, 100, DAY, "A subscriber behind for this long is disconnected (slow)."),
    subscribers: limit(16_384, 1, 1 << 20, "Live subscriptions. Beyond: 503 with Retry-After."),
    heartbeatMs: limit(15 * SECOND, 50, 5 * MINUTE, "SSE heartbeat that also moves the cursor."),
    sockets: limit(16_384, 1, 1 << 20, "WebSockets at a time. Beyond: 503 with Retry-After."),
    channels: limit(16_384, 1, 1 << 20, "Channels that subscriptions of an http thread name. Beyond: 503 with Retry-After."),
    socketSubscriptions: limit(1024, 1, 65_536, "Subscriptions of one WebSocket. One more is refused."),
    socketMessageBytes: limit(64 * KiB, 1 * KiB, 1 * MiB, "A message that comes over a WebSocket. A longer one closes it (1009)."),
    socketPingMs: limit(30 * SECOND, 50, 5 * MINUTE, "A WebSocket is pinged this often."),
    socketDeadMs: limit(60 * SECOND, 100, 10 * MINUTE, "A WebSocket that has not been heard and has taken nothing for this long is dead, and cut."),
    socketErrors: limit(60, 1, 100_000, "Messages of one WebSocket in a minute that cannot be used, each answered. Beyond: closed (1008)."),
    socketAsksPerSecond: limit(100, 1, 1_000_000, "Messages of one WebSocket in a second, pings included, besides those it publishes and that are taken: each costs work, though it is valid. Beyond: an error, and closed (1008)."),
    socketAskBurst: limit(4096, 1, 1 << 20, "So many of them at once: who comes back subscribes to all it had."),
    messageBytes: limit(64 * KiB, 16, 256 * KiB, "Data of a published message, as JSON. 413, or an error on a WebSocket."),
    messagesWaiting: limit(16_384, 1, 1 << 20, "Published messages of an http thread that are not on the disk yet. Beyond: 503, or an error on a WebSocket."),
    retryMs: limit(2 * SECOND, 0, 5 * MINUTE, "`retry:` of SSE, with jitter."),
    streamAgeMs: limit(600 * SECOND, 100, DAY, "Age at which an event stream is ended, 20 % more or less, so that clients spread over restarted gateways. They resume by cursor."),
    deviceStreams: limit(16_384, 1, 65_536, "Streams of devices at a time, each a connection of its device. Beyond: 503 with Retry-After."),
    streamDeadMs: limit(40 * SECOND, 1000, 30 * MINUTE, "A device stream whose peer acknowledges nothing for this long, heartbeats included, is dead."),
    byeMs: limit(1 * SECOND, 10, 10 * SECOND, "An ended stream gets this long to take what is queued; then its connection is cut."),
    listenerEndMs: limit(1 * SECOND, 10, 10 * SECOND, "At a shutdown connections that were cut get this long to be gone. Then their thread ends without them, and says so."),
    waitingQueries: limit(1024, 1, 65_536, "Requests waiting for room in a reader's or the registry's ring. Beyond: 503 with Retry-After."),
    drainsPerSecond: limit(100, 1, 10_000, "Connections a drain closes per second, unless it says otherwise: a whole fleet at once would come back at once."),
    drainReturnMs: limit(60 * SECOND, 10, 60 * MINUTE, "A drain waits this long after its last close for devices to come back, unless it says otherwise. Then it names those that have not."),
    requestBytes: limit(64 * KiB, 1 * KiB, 16 * MiB, "Body of an HTTP request. 413."),
    httpConnections: limit(40_960, 16, 1 << 20, "Connections to the HTTP interface, streams included; at most half the file limit. Beyond: those to whom nothing was sent yet are ended first, then those sent nothing for longest. On Deno the next ones are."),
    requestTimeoutMs: limit(10 * SECOND, 50, 5 * MINUTE, "A request waits this long for another thread's answer. Then 503."),
  },
  conflict: {
    takeoverWindowMs: limit(60 * SECOND, 100, DAY, "Takeovers of a live holder within this time belong together."),
    takeoversInWindow: limit(4, 2, 16, "This many of them, by which an origin came back often enough, are a conflict; of one origin alone, a restart loop."),
    returnsInWindow: limit(2, 1, 8, "So often must one origin have come back: three devices in turn do, instances of a rolling deploy do not."),
    alternationWindowMs: limit(120 * SECOND, 100, DAY, "Alternations (A, B, then A again, all live) within this time belong together."),
    alternationsInWindow: limit(2, 1, 8, "This many alternations are a conflict. One may be an old instance that tries again in a rolling deploy."),
    movementWindowMs: limit(10 * MINUTE, 100, DAY, "Alternations between positions no vehicle can have both been at, within this time, belong together: live or not, those are two."),
    impossibleKmh: limit(1500, 200, 100_000, "Faster than this between two positions moves no vehicle, nor a tracker that is flown somewhere."),
    impossibleKm: limit(20, 1, 20_000, "Positions nearer than this are one place: receivers err, and clocks."),
    watchedIdentities: limit(4096, 1, 1 << 20, "Identities whose takeovers are in memory, and open conflicts. Beyond: the one that was quiet for longest is forgotten."),
    watchedTakeovers: limit(16, 16, 256, "Takeovers in memory per identity, those by the origin that had it and those by another each. The oldest go."),
    holdMs: limit(30 * SECOND, 10, DAY, "Action hold: another origin is refused for this long, then the holder is probed and the time doubles."),
    holdMaxMs: limit(10 * MINUTE, 10, DAY, "The longest it doubles to."),
    conflictQuietMs: limit(10 * MINUTE, 100, 30 * DAY, "A conflict without a fight for this long is over: its hold ends, and the next fight is a new conflict."),
    realarmMs: limit(60 * MINUTE, 100, 30 * DAY, "An acknowledged conflict that is still fought after this is told again."),
    conflictsKept: limit(1000, 1, 1_000_000, "Conflicts kept in the store. The oldest go."),
  },
  command: {
    commands: limit(4096, 1, 65_536, "Commands that have not ended, of all devices. Beyond: 503 with Retry-After."),
    commandsPerDevice: limit(16, 1, 1024, "Commands of one device that have not ended: a device that is away for long must not fill the table. Beyond: 409."),
    commandsKept: limit(65_536, 1, 1 << 24, "Commands kept in the store, and so the horizon of idempotency keys. The oldest that have ended go."),
    commandTextBytes: limit(1000, 1, 1000, "Characters of a command. Longer ones are refused; trackers take far less."),
    commandResponseBytes: limit(2048, 1, 16 * KiB, "Bytes of a response kept with its command. A longer one is kept as an event of its own."),
    commandTtlMs: limit(DAY, 1, 30 * DAY, "How long a command waits for its device, unless it says otherwise. Then it expires."),
    commandTimeoutMs: limit(30 * SECOND, 10, 10 * MINUTE, "How long a written command waits for its answer, unless it says otherwise. Then what became of it is unknown."),
    commandQuietMs: limit(60 * SECOND, 10, 10 * MINUTE, "After a timeout the next command waits this long for the late answer, so that it never completes another command."),
    commandPatienceMs: limit(5 * SECOND, 1, 60 * SECOND, "A command that has waited this long for a moment without unanswered frames pauses reading until their acknowledgements are written."),
    commandLoginMs: limit(1 * SECOND, 0, 60 * SECOND, "A command waits this long after a login for the first frame and its acknowledgement: a device that reads more than the login's one byte would take it for an answer."),
    commandAttempts: limit(16, 1, 1000, "Connections that may take a command and go before it could be written. Then it has failed."),
    commandKeyMs: limit(60 * SECOND, 20 * SECOND, 10 * MINUTE, "Idempotency keys of ended commands stay in memory this long: longer than a submission is on its way."),
  },
  config: {
    configBytes: limit(8 * KiB, 64, 16 * KiB, "A configuration as JSON. 413."),
    configVersions: limit(16, 1, 1024, "Versions kept per device, and besides the newest applied and the newest failed one. The oldest go; a report about one that is gone is refused."),
    configChanges: limit(1024, 1, 65_536, "Changes of configurations on their way to the disk. Beyond: 503 with Retry-After."),
    configPendingBytes: limit(16 * MiB, 1 * KiB, 1 * GiB, "Pending configurations that commands carry, in memory until they are applied or failed. Beyond: 503 with Retry-After."),
    configSchemaBytes: limit(256 * KiB, 64, 4 * MiB, "A file with a JSON Schema of configurations. A longer one is refused at the start."),
    configLevels: limit(32, 1, 256, "Objects and lists within each other in a configuration that a schema checks. 422."),
    configFaults: limit(8, 1, 100, "Faults of one configuration that are told; the others are left out."),
    configParameters: limit(64, 1, 1024, "Parameters in a configuration that commands carry: each is read back by a command of its own. Beyond: failed."),
  },
  access: {
    tokens: limit(1024, 1, 65_536, "Tokens there may be. One more is refused until another is revoked."),
    tokenDevices: limit(64, 1, 256, "Devices one token may name. More are refused."),
    failedTokensPerMinute: limit(60, 1, 100_000, "Wrong tokens of one address in a minute. Beyond: 429. A right one always works, as a whole office may sit behind one address."),
    requestsPerSecondPerToken: limit(1000, 1, 1_000_000, "Requests of one token in a second; an event stream is one. Of all http threads together. Beyond: 429 with Retry-After, so that a script that runs wild leaves the thread to the others."),
    requestsPerSecondPerAddress: limit(10_000, 1, 1_000_000, "The same of one address, where no token is needed. Many may sit behind one: those with a token are counted by it alone."),
    requestBurstSeconds: limit(5, 1, 60, "So many seconds' worth of requests may come at once: a fleet of consumers returns together."),
    allowedDevices: limit(262_144, 1, 1 << 22, "Devices on the allow list. More are refused."),
  },
  process: {
    heartbeatStaleMs: limit(10 * SECOND, 100, 5 * MINUTE, "A loop that has not moved its word for this long has hung: the process ends, naming it."),
    storeStaleMs: limit(60 * SECOND, 100, 10 * MINUTE, "The same for journal and reader, which may wait for a disk."),
    followEvents: limit(1000, 1, 1_000_000, "Readers, and http threads where nobody waits for events, are woken after so many new ones. They catch up by themselves before they answer."),
    followMs: limit(100, 1, 1 * SECOND, "A reader looks again after this while much is new: a tenth of followEvents at once."),
    idleWaitMs: limit(1 * SECOND, 10, 1 * SECOND, "Longest sleep of a loop with nothing to do, so that its heartbeat moves."),
    rehearsalMs: limit(400, 0, 60 * SECOND, "Codec workers, registry and journal do their work for this long before the gateway is ready, on memory of their own, so that what they run is compiled when the first device comes (engine/rehearsal). 0: not at all."),
    collectMs: limit(10 * SECOND, 10, 60 * MINUTE, "Least time between two collections of garbage in a thread that has nothing to do; left to itself it collects too late (engine/leftovers.ts)."),
    collectBytes: limit(128 * MiB, 1 * MiB, 64 * GiB, "A thread with work collects young garbage when the process has grown by this, and all at four times this: three senders that outrun their acknowledgements had made 4 GB of it."),
    startMs: limit(60 * SECOND, 1000, 60 * MINUTE, "A thread that is not ready after this ends the process. The journal may rebuild longer; it shows progress."),
    logIntervalMs: limit(1 * SECOND, 0, 10 * MINUTE, "Warnings a peer can cause are written once per this time and kind; the metrics count all."),
    drainMs: limit(6 * SECOND, 10, 60 * SECOND, "In-flight frames get this long to be committed and acknowledged at shutdown."),
    sameSignalMs: limit(100, 0, 10 * SECOND, "Signals that come within this time after the first one are the same wish, told twice: by the terminal and by the launcher. A later one ends the process at once."),
    shutdownMs: limit(10 * SECOND, 50, 5 * MINUTE, "The whole ordered shutdown."),
    threadEndMs: limit(1 * SECOND, 10, 30 * SECOND, "Threads that have left their loops get what is left of the shutdown's time to be gone, and at least this. Then the process ends with them, and says who they are."),
    shutdownHardMs: limit(30 * SECOND, 100, 10 * MINUTE, "Then the process exits 1."),
  },
} as const satisfies Record<string, Record<string, Limit>>;

type Sections = typeof LIMIT_SECTIONS;
export type LimitName = { [S in keyof Sections]: keyof Sections[S] }[keyof Sections];
export const LIMITS: Readonly<Record<LimitName, Limit>> = {
  ...LIMIT_SECTIONS.tcp,
  ...LIMIT_SECTIONS.udp,
  ...LIMIT_SECTIONS.admission,
  ...LIMIT_SECTIONS.peer,
  ...LIMIT_SECTIONS.rings,
  ...LIMIT_SECTIONS.journal,
  ...LIMIT_SECTIONS.http,
  ...LIMIT_SECTIONS.conflict,
  ...LIMIT_SECTIONS.command,
  ...LIMIT_SECTIONS.config,
  ...LIMIT_SECTIONS.access,
  ...LIMIT_SECTIONS.process,
};
export type Limits = { readonly [Name in LimitName]: number };

/** The effective limits: the defaults with `changes` on top. Values are not checked here; the configuration does. */
export function limitsWith(changes: Partial<Limits> = {}): Limits {
  const values = {} as Record<LimitName, number>;
  for (const name of Object.keys(LIMITS) as LimitName[]) values[name] = changes[name] ?? LIMITS[name].value;
  return values;
}
