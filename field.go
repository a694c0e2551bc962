package sshwhy

// Field names a part of a message. The vocabulary is closed: a pattern that
// uses another name is an error, so that every reader of events knows them
// all.
type Field uint8

// The fields. What each holds stands beside its name in fieldNames.
const (
	FieldNone Field = iota
	FieldUser
	FieldAddr
	FieldPort
	FieldHost
	FieldLocalAddr
	FieldLocalPort
	FieldRemoteUser
	FieldAccount
	FieldWho
	FieldMethod
	FieldSubmethod
	FieldKeyType
	FieldFingerprint
	FieldCertID
	FieldSerial
	FieldCAType
	FieldCAFingerprint
	FieldPath
	FieldLine
	FieldOption
	FieldValue
	FieldReason
	FieldWhat
	FieldOffer
	FieldOurs
	FieldAlgorithm
	FieldPID
	FieldUID
	FieldGID
	FieldGroup
	FieldCode
	FieldStatus
	FieldSignal
	FieldCount
	FieldLimit
	FieldSeconds
	FieldText
	FieldBanner
	FieldVersion
	FieldCommand
	FieldSubsystem
	FieldTTY
	FieldTarget
	FieldTargetPort
	FieldChannel
	FieldID
	FieldFunc
	FieldName
	FieldMode
	FieldSize
	FieldNumber
	FieldNumber2
	FieldNumber3
	FieldNumber4
	FieldAddress2
	FieldModule
	FieldService
	FieldUnit
	FieldTime
	FieldPattern
	FieldFlags
	FieldOther
	fieldCount
)

// FieldSet is a set of fields: the bit 1<<f stands for f.
type FieldSet uint64

// There are no more fields than a set has room for.
var _ [64 - fieldCount]struct{}

// fieldNames are the names as patterns and output spell them.
var fieldNames = [fieldCount]string{
	FieldUser:          "user",      // the account that the client asked for
	FieldAddr:          "addr",      // the client's address
	FieldPort:          "port",      // the client's port
	FieldHost:          "host",      // the client as a host name or an address
	FieldLocalAddr:     "laddr",     // an address of this host
	FieldLocalPort:     "lport",     // a port of this host
	FieldRemoteUser:    "ruser",     // the user's name on the client
	FieldAccount:       "account",   // an account of this host that is not (only) the one asked for
	FieldWho:           "who",       // authenticating, invalid or user: what sshd held of the user then
	FieldMethod:        "method",    // the authentication method
	FieldSubmethod:     "submethod", // its device, as in keyboard-interactive/pam
	FieldKeyType:       "keytype",   // a type of key, as sshd names it
	FieldFingerprint:   "fp",        // a key's fingerprint
	FieldCertID:        "certid",    // a certificate's identity: free text of its maker
	FieldSerial:        "serial",    // a certificate's serial number
	FieldCAType:        "catype",    // the type of a CA's key
	FieldCAFingerprint: "cafp",      // the fingerprint of a CA's key
	FieldPath:          "path",      // a file or directory
	FieldLine:          "line",      // a line number in it
	FieldOption:        "option",    // a keyword of sshd_config or an option of a key
	FieldValue:         "value",     // what stood there as its argument
	FieldReason:        "reason",    // why: the words of errno, a library, PAM or sshd
	FieldWhat:          "what",      // which of several things the message is about
	FieldOffer:         "offer",     // what the client offered
	FieldOurs:          "ours",      // what this server offers
	FieldAlgorithm:     "alg",       // one algorithm
	FieldPID:           "pid",       // another process that the message is about
	FieldUID:           "uid",       // a user number
	FieldGID:           "gid",       // a group number
	FieldGroup:         "group",     // a group's name
	FieldCode:          "code",      // a number that stands for a reason (RFC 4253, 11.1; errno; PAM)
	FieldStatus:        "status",    // an exit status
	FieldSignal:        "signal",    // a signal, by number or name
	FieldCount:         "count",     // how many
	FieldLimit:         "limit",     // how many there may be
	FieldSeconds:       "seconds",   // a span of time, in seconds unless it says otherwise
	FieldText:          "text",      // text that the client or another program chose
	FieldBanner:        "banner",    // what the client sent as its version
	FieldVersion:       "version",   // a version
	FieldCommand:       "command",   // a program with its arguments
	FieldSubsystem:     "subsystem", // the subsystem that was asked for
	FieldTTY:           "tty",       // a terminal
	FieldTarget:        "target",    // the host or path that a forwarding is to reach
	FieldTargetPort:    "tport",     // its port
	FieldChannel:       "channel",   // a channel's number
	FieldID:            "id",        // another number that identifies
	FieldFunc:          "func",      // the function in sshd that wrote the message
	FieldName:          "name",      // another name
	FieldMode:          "mode",      // permission bits, octal
	FieldSize:          "size",      // a size in bytes or bits
	FieldNumber:        "n",         // numbers of internal plumbing
	FieldNumber2:       "n2",
	FieldNumber3:       "n3",
	FieldNumber4:       "n4",
	FieldAddress2:      "addr2",   // another address
	FieldModule:        "module",  // a PAM module
	FieldService:       "service", // a PAM or SSH service
	FieldUnit:          "unit",    // a systemd unit
	FieldTime:          "time",    // a point in time, as the message spells it
	FieldPattern:       "pattern", // a pattern of sshd_config (AllowUsers, from=)
	FieldFlags:         "flags",   // bits, hexadecimal
	FieldOther:         "other",   // a second thing of a kind that the message names twice
}

// String gives the name that patterns and output use.
func (f Field) String() string {
	if f < fieldCount {
		return fieldNames[f]
	}
	return ""
}

// FieldNamed gives the field of that name, FieldNone where there is none.
func FieldNamed(name string) Field {
	for f, n := range fieldNames {
		if n == name && n != "" {
			return Field(f)
		}
	}
	return FieldNone
}

// Fields gives the whole vocabulary in its order.
func Fields() []Field {
	all := make([]Field, 0, fieldCount-1)
	for f := FieldNone + 1; f < fieldCount; f++ {
		all = append(all, f)
	}
	return all
}
