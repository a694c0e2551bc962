package sshwhy

// Pending is a connection that nothing is decided of yet, for people who look
// on. Its bytes are the classifier's, and valid during the call that hands them
// out.
type Pending struct {
	Host []byte
	// User, UserKnown, Address and Port are as in Finding.
	User      []byte
	UserKnown bool
	Address   []byte
	Port      int
	PID       int32
	// Since and Last are the times of the first and the latest line, Now is
	// the host's clock: in nanoseconds since 1970 UTC, 0 where the log has
	// no times.
	Since, Last, Now int64
	// Step is how far it has come, Tries the number of keys and passwords
	// that were refused.
	Step  Step
	Tries int
}

// Step is how far a connection has come towards a login, as far as the log
// tells. At LogLevel INFO most of it is not logged.
type Step uint8

// The steps, in the order of a login.
const (
	// StepConnected: a client is there.
	StepConnected Step = iota
	// StepNegotiating: algorithms and host key are agreed upon.
	StepNegotiating
	// StepUserNamed: the client said who wants to log in.
	StepUserNamed
	// StepUserRefused: that user cannot log in, and is not told so.
	StepUserRefused
	// StepKeyRefused: a key was not accepted; another way is open.
	StepKeyRefused
	// StepKeySignature: the key would do, and its owner is to sign.
	StepKeySignature
	// StepPasswordPrompt: a password or code was asked for.
	StepPasswordPrompt
	// StepNextMethod: one method was passed, another is needed.
	StepNextMethod
)

var stepNames = [...]string{"connected", "negotiating", "user-named", "user-refused", "key-refused", "key-signature", "password-prompt", "next-method"}

// String names the step, for programs.
func (s Step) String() string { return stepNames[s] }
