package turn

// Cause says why a request was refused or an allocation ended, in a word or two
// for logs and metrics. The set is closed: never text from a client.
type Cause string

// Why requests are refused.
const (
	CauseNone            Cause = ""
	CauseNoCredentials   Cause = "no-credentials"     // the first request of every client
	CauseIncomplete      Cause = "incomplete"         // MESSAGE-INTEGRITY without USERNAME, REALM or NONCE
	CauseNonce           Cause = "nonce"              // not minted here, or not for this address
	CauseStaleNonce      Cause = "stale-nonce"        // ours, but too old
	CauseRealm           Cause = "realm"              // another realm than this server's
	CauseUnknownUser     Cause = "unknown-user"       // no key for that name
	CauseIntegrity       Cause = "wrong-password"     // MESSAGE-INTEGRITY does not verify
	CauseExpiredKey      Cause = "expired-credential" // right, but its time is over
	CauseKeysUnavailable Cause = "keys-unavailable"   // the user database did not answer
	CauseWrongUser       Cause = "wrong-user"         // the allocation belongs to another user
	CauseUnknownAttr     Cause = "unknown-attribute"
	CauseBadRequest      Cause = "bad-request"
	CauseWideChannel     Cause = "channel-number-above-0x4fff" // rfc5766-channel-numbers lets it in
	CauseMismatch        Cause = "allocation-mismatch"
	CauseOrigin          Cause = "origin"         // another ORIGIN than the allocation was made with
	CauseElsewhere       Cause = "sent-elsewhere" // to an alternate server
	CauseDraining        Cause = "draining"       // no new allocations before the end
	CauseTransport       Cause = "transport"      // REQUESTED-TRANSPORT that this server does not relay
	CauseFamily          Cause = "address-family"
	CausePolicy          Cause = "peer-policy"
	CauseUserQuota       Cause = "user-quota"
	CauseTotalQuota      Cause = "total-quota"
	CauseTrafficQuota    Cause = "traffic-quota" // of this month
	CauseBandwidthQuota  Cause = "bandwidth-quota"
	CauseNoPort          Cause = "no-port"
	CauseReservation     Cause = "reservation" // token unknown, used or expired
	CausePermissions     Cause = "too-many-permissions"
	CauseChannels        Cause = "too-many-channels"
)

// Why allocations end.
const (
	CauseExpired      Cause = "expired"
	CauseReleased     Cause = "released"     // a Refresh with lifetime 0
	CauseDisconnected Cause = "disconnected" // the client's connection is gone
	CauseRevoked      Cause = "revoked"      // the operator took the credential back
	CauseShutdown     Cause = "shutdown"
)
