package sshwhy

// Why says how a finding came about, for "replay --why".
type Why struct {
	// Rule is what decided.
	Rule Rule
	// Lines are the indices in Evidence of the lines that the rule rests
	// on, Ruled the causes that leave similar lines and that these speak
	// against. Both are empty where nobody asked for them.
	Lines []int
	Ruled []RuledOut
}

// RuledOut is a cause that cannot be, and what tells so.
type RuledOut struct {
	Cause   CauseID
	Against Against
	// Line is the index in Evidence of the line that tells, -1 where it was
	// not kept.
	Line int
}

// Rule is a way to decide what the lines of a connection mean. Package lang
// has its sentence.
type Rule uint8

// The rules, each with what it concludes from.
const (
	RuleNone                 Rule = iota
	RuleLine                      // a line says it
	RuleLineFits                  // a line fits, and so would others
	RuleService                   // sshd says it of itself
	RuleInspected                 // a look at the host found it
	RuleAfterLogin                // a line after the login says it
	RuleClosedWithoutWord         // the session's client closed, and did not say that it leaves
	RuleEndedWithoutWord          // the session ended likewise
	RuleMaxTries                  // MaxAuthTries was reached
	RuleKeyOptions                // an option of the key's line refused
	RuleInvalidUnexplained        // the user is called invalid, and no line says why
	RuleSecondMissing             // one method of several was passed, and none followed
	RuleSecondRefused             // one method of several was passed, and the next refused
	RulePassword                  // a password was refused
	RuleRootPassword              // a password of root was refused
	RulePasswordNotByPAMUnix      // a password was refused, and not by pam_unix
	RuleNoneRefused               // method none was refused after another
	RuleCertificate               // a certificate was refused without a reason
	RuleKeyFileMissing            // a key was refused, and its file was not found
	RuleKey                       // a key was refused
	RuleKeyAccepted               // a key would do, and nothing followed
	RuleReset                     // the connection was reset
	RuleSaidGoodbye               // the client said that it leaves before it named a user
	RuleSaidGoodbyeUnnamed        // the same in a release that does not name users then
	RuleLeft                      // the client left during authentication
	RuleLeftVerbose               // the same, at a LogLevel that shows refusals
	RuleLeftUnnamed               // the client left, in a release that does not name users then
	RuleLeftUnnamedVerbose        // the same, at a LogLevel that shows refusals
	RuleLeftUnknownStage          // the client left, before it said anything or in a session whose login the log lacks
	RuleLeftBeforeUser            // the client left before it named a user
	RuleOpen                      // the log ends before the connection, which was refused nothing that decides
	RuleNoEnd                     // the log has no end of the connection
	RuleBruteForce                // a source failed again and again
	RuleLoginAfterFailures        // a login succeeded from such a source
	numRules
)

// Rules gives all rules.
func Rules() []Rule {
	list := make([]Rule, 0, numRules-1)
	for r := RuleNone + 1; r < numRules; r++ {
		list = append(list, r)
	}
	return list
}

// Against is what speaks against a cause. Package lang has its sentence.
type Against uint8

// What can speak against a cause, each with what a line says.
const (
	AgainstNone          Against = iota
	AgainstLevel                 // the LogLevel at which the cause leaves a line of its own, which is missing
	AgainstNamed                 // the client came as far as to name a user
	AgainstValid                 // the user is one who may log in
	AgainstInvalid               // the user is not
	AgainstKeyTried              // a key was looked up
	AgainstPasswordTried         // a password was checked
	AgainstNoKeyFile             // the file that should hold the key is not there
	numAgainst
)

// Reasons gives all that can speak against a cause.
func Reasons() []Against {
	list := make([]Against, 0, numAgainst-1)
	for a := AgainstNone + 1; a < numAgainst; a++ {
		list = append(list, a)
	}
	return list
}
