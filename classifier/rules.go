package classifier

import (
	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// signal is a set of things that the lines of a connection have shown.
type signal uint64

const (
	sawOpened         signal = 1 << iota // "Connection from": LogLevel is VERBOSE or more
	sawFatal                             // a line of level FATAL: the process is gone
	sawTrouble                           // a line of level ERROR or FATAL
	sawDebug                             // a line of LogLevel DEBUG1 or more
	sawAccepted                          // sshd let the user in
	sawSession                           // a session began: the login succeeded, whatever else is missing
	sawEnded                             // the session ended in order
	sawLeft                              // the client said that it leaves, after login
	sawPassword                          // a password was refused
	sawKey                               // a key was refused
	sawCertificate                       // a certificate was refused
	sawNone                              // method none was refused after a try: an empty password, or an abort at the prompt
	sawInteractive                       // keyboard-interactive was refused
	sawOtherMethod                       // another method was refused
	sawPartial                           // one method of several was passed
	sawPostponed                         // a key would do; its signature was asked for
	sawKeyFound                          // the key stands in authorized_keys
	sawInvalid                           // the user was called invalid, whatever the reason
	sawAuthenticating                    // the user was called authenticating: an account that may log in
	sawPAMAuth                           // a module of PAM says that a password was refused
	sawPAM                               // any line of a PAM module
	sawPAMError                          // sshd's own line about PAM
	sawClosed                            // the client closed
	sawReset                             // the connection was reset
	sawDisconnect                        // the client said that it leaves, before login
	sawHungUp                            // sshd hung up
	sawBroken                            // a connection error ended it
	sawPreauth                           // a line with [preauth]
	sawRequest                           // an authentication request came (DEBUG1)
	sawRefusedOptions                    // "Refused by key options"
	sawOnlyPAM                           // nothing but lines of PAM modules, and of a process beside, so far
	sawMaxTries                          // MaxAuthTries was reached
	sawNoKeyFile                         // the first authorized_keys that sshd looked for does not exist (DEBUG1)
	sawUnmarked                          // the client left, in a line with neither a port nor [preauth]
	sawLogEnd                            // the log ended before the connection, and before its time was up
	sawNoMore                            // of what sshd says of itself: after the last line it cannot have gone on
)

// action is what a line does to the life of a connection.
type action uint8

const (
	doNothing action = iota
	doAccept         // the login succeeded
	doSettle         // the connection is over, or as good as
	doEnd            // the session is over
	doTrail          // may come after the end
	// What follows is of no connection, or of that of another process.
	doDrop     // a connection that never had a process
	doTimeOut  // the listener ends the connection of the process that it names
	doReap     // the listener tells how the process that it names has ended
	doStart    // belongs to the start of sshd
	doListen   // sshd is up
	doFail     // sshd ends because it cannot start
	doStop     // sshd was told to end
	doRestart  // sshd was told to read its configuration again
	doRepeat   // means the line before
	doNotLogin // says nothing on a login: the system's other business
)

// rule is what a pattern means to the classifier.
type rule struct {
	signals signal
	does    action
	// child marks lines that sshd writes after login from a process of its
	// own, with neither user nor port.
	child bool
	// start marks lines that also the starting sshd writes.
	start bool
	// early marks lines that can only stand before a login. Those that
	// prove a cause of an earlier phase are added to them.
	early bool
	// beside marks lines of sshd that a process writes too which a connection
	// starts: PAM's for keyboard-interactive, the command that gives keys.
	beside bool
	// later marks lines of which the proofs hold for the logins to come: the
	// one that they stand in failed before that.
	later bool
	// These follow from the rest: elsewhere marks lines that may be of the
	// session of another process, tells those that say more than their
	// signals, client and user, and own those that do so in a way of theirs.
	elsewhere, tells, own bool
	// clears are the signals that the line takes back.
	clears signal
	// proofs are the causes that the line shows by itself: the catalogue of
	// causes names them. After a login they are inSession instead, if there
	// is one.
	proofs    []proof
	inSession sshwhy.CauseID
}

// complete sets what follows from the rest, so that a line asks for no more than
// what it can have.
func (r *rule) complete(id sshwhy.PatternID, brief bool) {
	r.elsewhere = r.child || id == patterns.UserNotAllowedNologin || r.signals&(sawDisconnect|sawClosed) != 0
	switch id {
	case patterns.LoginFailed, patterns.KeyFileTried, patterns.KeyFileNotOpened, patterns.DisconnectReceived, patterns.Disconnected,
		patterns.ChildPID, patterns.PAMAuthFailed, patterns.AccessDeniedByPAM, patterns.KeysCommandFailed:
		r.own = true
	case patterns.LoginAccepted, patterns.LoginPostponed, patterns.LoginPartial, patterns.KeyFound:
		r.own = !brief // the method and the key
	}
	r.tells = r.own || r.signals&sawPAM != 0 || len(r.proofs) > 0
	if r.signals&sawPAM == 0 && !r.beside {
		r.clears = sawOnlyPAM
	}
}

// shows is what the level and the stage of a line show.
var shows = func() (all [8][4]signal) {
	for stage := range all[0] {
		all[sshwhy.LevelFatal][stage] = sawTrouble | sawFatal
		all[sshwhy.LevelError][stage] = sawTrouble
		for level := sshwhy.LevelDebug1; level <= sshwhy.LevelDebug3; level++ {
			all[level][stage] = sawDebug
		}
	}
	for level := range all {
		all[level][sshwhy.StagePreauth] |= sawPreauth
	}
	return all
}()

// rules says what the lines mean that carry a connection along. What a line
// proves stands with the causes.
func rules() map[sshwhy.PatternID]rule {
	return map[sshwhy.PatternID]rule{
		// auth.c auth_log
		patterns.LoginAccepted:       {signals: sawAccepted | sawSession, does: doAccept},
		patterns.LoginFailed:         {}, // its method decides: see failed
		patterns.LoginPartial:        {signals: sawPartial},
		patterns.LoginPostponed:      {signals: sawPostponed},
		patterns.KeyFound:            {signals: sawKeyFound},
		patterns.KeyRefusedByOptions: {signals: sawRefusedOptions, early: true},
		// auth.c getpwnamallow, auth2.c
		patterns.UserInvalid:         {signals: sawInvalid, early: true},
		patterns.UserauthInvalidUser: {signals: sawInvalid, early: true},
		patterns.AuthRequest:         {signals: sawRequest},
		// packet.c
		patterns.ConnectionOpened:         {signals: sawOpened},
		patterns.ConnectionClosed:         {signals: sawClosed, does: doSettle},
		patterns.ConnectionReset:          {signals: sawReset, does: doSettle},
		patterns.PeerNameFailed:           {signals: sawBroken, does: doSettle},
		patterns.ConnectionTimedOut:       {signals: sawBroken, does: doSettle},
		patterns.ConnectionError:          {signals: sawBroken, does: doSettle},
		patterns.DisconnectReceived:       {signals: sawDisconnect},
		patterns.Disconnected:             {signals: sawDisconnect, does: doSettle},
		patterns.Disconnecting:            {signals: sawHungUp, does: doSettle},
		patterns.DisconnectingMaxTries:    {signals: sawHungUp | sawMaxTries, does: doSettle},
		patterns.DisconnectingNoMethods:   {signals: sawHungUp, does: doSettle},
		patterns.MaxTriesExceeded:         {signals: sawMaxTries},
		patterns.ReadFailed:               {signals: sawReset, does: doSettle},
		patterns.WriteFailed:              {signals: sawBroken},
		patterns.DisconnectingUserChanged: {signals: sawHungUp, does: doSettle},
		patterns.DisconnectingAttack:      {signals: sawHungUp, does: doSettle},
		patterns.NegotiationFailed:        {signals: sawBroken, does: doSettle},
		patterns.ReadError:                {signals: sawReset, does: doSettle},
		// kex.c, sshd.c
		patterns.BannerMissing:         {signals: sawBroken, does: doSettle},
		patterns.BannerBad:             {signals: sawBroken, does: doSettle},
		patterns.BannerExchangeFailed:  {signals: sawBroken, does: doSettle},
		patterns.BannerExchangeClosed:  {signals: sawBroken, early: true},
		patterns.BannerExchangeInvalid: {signals: sawBroken, early: true},
		patterns.BannerExchangeError:   {signals: sawBroken, early: true},
		// auth-pam.c, auth2.c
		patterns.AccessDeniedByPAM: {signals: sawPAMError, does: doSettle},
		// PAM modules
		patterns.PAMUnixAuthFailure:   {signals: sawPAMAuth | sawPAM, early: true},
		patterns.PAMUnixUserUnknown:   {signals: sawPAM, early: true},
		patterns.PAMFaillockLocked:    {signals: sawPAMAuth | sawPAM, early: true, later: true}, // of a try that failed while no lock was in force (write_tally)
		patterns.PAMAuthFailed:        {signals: sawPAMError | sawInteractive, early: true},
		patterns.PAMUnixSessionOpened: {signals: sawSession | sawPAM, does: doAccept},
		patterns.PAMUnixSessionClosed: {signals: sawSession | sawPAM, does: doEnd},
		patterns.PAMStep:              {beside: true},
		patterns.KeysCommandNotRun:    {beside: true},
		// session.c, serverloop.c
		patterns.SessionStarted:          {signals: sawSession},
		patterns.SessionClosed:           {signals: sawSession},
		patterns.ChildPID:                {signals: sawSession},
		patterns.ConnectionInactive:      {signals: sawSession, child: true, does: doEnd},
		patterns.ClientNotResponding:     {signals: sawBroken, child: true, does: doEnd},
		patterns.ChrootUntrusted:         {signals: sawSession, child: true},
		patterns.ChrootMissing:           {signals: sawSession, child: true},
		patterns.ChrootFailed:            {signals: sawSession, child: true},
		patterns.SessionsUsedUp:          {signals: sawSession, child: true},
		patterns.SubsystemNotFound:       {signals: sawSession, child: true},
		patterns.SubsystemFailed:         {signals: sawSession, child: true},
		patterns.ForwardRefused:          {signals: sawSession, child: true},
		patterns.RemoteForwardRefused:    {signals: sawSession, child: true},
		patterns.ForwardConnectFailed:    {signals: sawSession, child: true},
		patterns.ForwardBindFailed:       {signals: sawSession, child: true},
		patterns.ForwardListening:        {signals: sawSession, child: true},
		patterns.ChannelTimeout:          {signals: sawSession, child: true},
		patterns.ChildKilled:             {signals: sawSession},
		patterns.ExecFailed:              {signals: sawSession, child: true},
		patterns.SubsystemProgramMissing: {signals: sawSession, child: true},
		patterns.UserNotAllowedNologin:   {signals: sawSession, child: true},
		// lines that come after the end
		patterns.PAMMoreFailures:      {signals: sawPAM, does: doTrail},
		patterns.PAMMaxRetriesIgnored: {signals: sawPAM, does: doTrail},
		patterns.LoginRecordFailed:    {does: doTrail},
		// the listener: sshd.c, srclimit.c
		patterns.DropMaxStartups:      {does: doDrop},
		patterns.DropPenalty:          {does: doDrop},
		patterns.DropOther:            {does: doDrop},
		patterns.StartupSlotsFull:     {does: doDrop}, // sshd.c child_register
		patterns.LoginGraceExceeded:   {does: doTimeOut},
		patterns.ConnectionProhibited: {signals: sawHungUp, does: doSettle},
		patterns.TcpWrapperRefused:    {signals: sawHungUp, does: doSettle},
		patterns.LibwrapRefused:       {signals: sawHungUp, does: doSettle},
		patterns.PenaltyNew:           {does: doNotLogin},
		patterns.PenaltyActive:        {does: doNotLogin},
		patterns.PenaltyStanding:      {does: doNotLogin},
		patterns.PenaltyTableFull:     {does: doNotLogin},
		patterns.PenaltyCount:         {does: doNotLogin},
		patterns.PenaltyListed:        {does: doNotLogin},
		patterns.SyslogdRepeated:      {does: doRepeat},
		patterns.ThrottlingBegins:     {does: doNotLogin},
		patterns.ThrottlingGoesOn:     {does: doNotLogin},
		patterns.ThrottlingEnds:       {does: doNotLogin},
		patterns.DropRateLimited:      {does: doNotLogin},
		patterns.StartupsActive:       {does: doNotLogin},
		patterns.ChildForked:          {does: doNotLogin},
		patterns.SystemdNotified:      {does: doNotLogin},
		patterns.SshdVersion:          {does: doNotLogin},
		patterns.RexecArgument:        {does: doNotLogin},
		patterns.OomScoreSet:          {does: doNotLogin},
		patterns.OomScoreFailed:       {does: doNotLogin},
		patterns.HostKeyLoaded:        {does: doNotLogin},
		patterns.HostKeyTypes:         {does: doNotLogin},
		patterns.BindTrying:           {does: doNotLogin},
		// the listener, of a process that has ended: sshd.c child_reap
		patterns.SessionProcessKilled:          {does: doReap},
		patterns.SessionProcessFailed:          {does: doReap},
		patterns.PreauthProcessCrashed:         {does: doReap},
		patterns.PreauthProcessEnded:           {does: doReap},
		patterns.PreauthProcessEndedFailed:     {does: doReap},
		patterns.PreauthProcessEndedInvalid:    {does: doReap},
		patterns.PreauthProcessEndedProhibited: {does: doReap},
		// its own life: sshd.c main, server_listen
		patterns.SshdListening:           {does: doListen},
		patterns.SignalTerminating:       {does: doStop},
		patterns.SighupRestarting:        {does: doRestart},
		patterns.BindFailed:              {does: doStart},
		patterns.ListenFailed:            {does: doStart},
		patterns.NoAddressBound:          {does: doFail},
		patterns.NoHostKeys:              {does: doFail},
		patterns.PrivsepDirMissing:       {does: doFail},
		patterns.PrivsepDirPermissions:   {does: doFail},
		patterns.PrivsepUserMissing:      {does: doFail},
		patterns.AbsolutePathRequired:    {does: doFail},
		patterns.SshdPartMissing:         {does: doFail},
		patterns.HostKeyUnloadable:       {start: true},
		patterns.HostKeyNotRead:          {start: true},
		patterns.HostKeyTooOpen:          {start: true},
		patterns.HostKeyTooOpenFrame:     {start: true},
		patterns.HostKeyRefused:          {start: true},
		patterns.HostKeyMismatch:         {start: true},
		patterns.HostCertUnloadable:      {start: true},
		patterns.ConfigTerminating:       {start: true},
		patterns.ConfigBadOption:         {start: true},
		patterns.ConfigMissingArgument:   {start: true},
		patterns.ConfigExtraArgument:     {start: true},
		patterns.ConfigBadValue:          {start: true},
		patterns.ConfigBadAlgorithms:     {start: true},
		patterns.ConfigBadAddress:        {start: true},
		patterns.ConfigBadMethods:        {start: true},
		patterns.ConfigBadPattern:        {start: true},
		patterns.ConfigTooMany:           {start: true},
		patterns.ConfigSubsystemTwice:    {start: true},
		patterns.ConfigNotInMatch:        {start: true},
		patterns.ConfigBadMatch:          {start: true},
		patterns.ConfigBadInclude:        {start: true},
		patterns.ConfigUnreadable:        {start: true},
		patterns.ConfigDeprecatedOption:  {start: true},
		patterns.ConfigUnsupportedOption: {start: true},
		patterns.ConfigDeprecatedValue:   {start: true},
		patterns.KeysCommandUserUnset:    {start: true},
		patterns.OpensslMismatch:         {start: true},
		patterns.RandomNotSeeded:         {start: true},
		patterns.ForkFailed:              {start: true},
		patterns.ExecutedDirectly:        {start: true},
		patterns.AlgorithmUnsupported:    {start: true},
	}
}
