package patterns

import "github.com/sshwhy/sshwhy"

// Kind says which text a field can take, and where it ends.
type Kind uint8

// The kinds. The bounded ones end by themselves; the free ones, from
// KindUser on, end where the literal that must follow them stands.
const (
	KindNone    Kind = iota
	KindAddr         // an IPv4 or IPv6 address, with or without zone, or UNKNOWN
	KindHost         // a host name or an address
	KindPort         // a port; -1 and 65535 stand for an unknown one
	KindInt          // a decimal number
	KindHex          // a hexadecimal number, with or without 0x
	KindOctal        // an octal number
	KindFloat        // a decimal fraction
	KindWord         // bytes without a blank
	KindIdent        // letters, digits and _ - . @ + /
	KindMethod       // an authentication method
	KindKeyType      // a type of key
	KindFingerprint
	KindAlgs // a comma list without blanks
	KindFile // an absolute file name without a blank

	KindUser    // a user name that the client chose
	KindText    // any text that the client or another program chose
	KindCertID  // a certificate's identity
	KindAccount // a name that exists on this host
	KindPath    // a file name
	KindAbsPath // an absolute file name: it begins with a slash
	KindReason  // words of errno, of a library or of sshd
	KindValue   // an argument that the administrator wrote
	kindCount
)

var kindNames = [kindCount]string{
	KindAddr: "addr", KindHost: "host", KindPort: "port", KindInt: "int", KindHex: "hex", KindOctal: "octal",
	KindFloat: "float", KindWord: "word", KindIdent: "ident", KindMethod: "method", KindKeyType: "keytype",
	KindFingerprint: "fp", KindAlgs: "algs", KindFile: "file", KindUser: "user", KindText: "text", KindCertID: "certid",
	KindAccount: "account", KindPath: "path", KindAbsPath: "abspath", KindReason: "reason", KindValue: "value",
}

// String gives the name that patterns use.
func (k Kind) String() string {
	if k < kindCount {
		return kindNames[k]
	}
	return ""
}

func kindNamed(name string) Kind {
	for k, n := range kindNames {
		if n == name && n != "" {
			return Kind(k)
		}
	}
	return KindNone
}

// Free tells whether a field of this kind can hold any text.
func (k Kind) Free() bool { return k >= KindUser }

// LastWins tells where a free field ends if the literal after it stands in
// several places: at the last one, because the client may have written the
// earlier ones into the field itself.
func (k Kind) LastWins() bool { return k == KindUser || k == KindText || k == KindCertID }

// MayBeEmpty tells whether the client can leave the field empty.
func (k Kind) MayBeEmpty() bool {
	return k == KindUser || k == KindText || k == KindCertID || k == KindValue
}

// defaultKind is the kind that goes with a field's name.
var defaultKind = map[sshwhy.Field]Kind{
	sshwhy.FieldUser:          KindUser,
	sshwhy.FieldAddr:          KindAddr,
	sshwhy.FieldPort:          KindPort,
	sshwhy.FieldHost:          KindHost,
	sshwhy.FieldLocalAddr:     KindAddr,
	sshwhy.FieldLocalPort:     KindPort,
	sshwhy.FieldRemoteUser:    KindUser,
	sshwhy.FieldAccount:       KindAccount,
	sshwhy.FieldWho:           KindWord,
	sshwhy.FieldMethod:        KindMethod,
	sshwhy.FieldSubmethod:     KindMethod,
	sshwhy.FieldKeyType:       KindKeyType,
	sshwhy.FieldFingerprint:   KindFingerprint,
	sshwhy.FieldCertID:        KindCertID,
	sshwhy.FieldSerial:        KindInt,
	sshwhy.FieldCAType:        KindKeyType,
	sshwhy.FieldCAFingerprint: KindFingerprint,
	sshwhy.FieldPath:          KindPath,
	sshwhy.FieldLine:          KindInt,
	sshwhy.FieldOption:        KindWord,
	sshwhy.FieldValue:         KindValue,
	sshwhy.FieldReason:        KindReason,
	sshwhy.FieldWhat:          KindReason,
	sshwhy.FieldOffer:         KindAlgs,
	sshwhy.FieldOurs:          KindAlgs,
	sshwhy.FieldAlgorithm:     KindIdent,
	sshwhy.FieldPID:           KindInt,
	sshwhy.FieldUID:           KindInt,
	sshwhy.FieldGID:           KindInt,
	sshwhy.FieldGroup:         KindAccount,
	sshwhy.FieldCode:          KindInt,
	sshwhy.FieldStatus:        KindInt,
	sshwhy.FieldSignal:        KindWord,
	sshwhy.FieldCount:         KindInt,
	sshwhy.FieldLimit:         KindInt,
	sshwhy.FieldSeconds:       KindFloat,
	sshwhy.FieldText:          KindText,
	sshwhy.FieldBanner:        KindText,
	sshwhy.FieldVersion:       KindWord,
	sshwhy.FieldCommand:       KindText,
	sshwhy.FieldSubsystem:     KindText,
	sshwhy.FieldTTY:           KindWord,
	sshwhy.FieldTarget:        KindHost,
	sshwhy.FieldTargetPort:    KindPort,
	sshwhy.FieldChannel:       KindInt,
	sshwhy.FieldID:            KindInt,
	sshwhy.FieldFunc:          KindIdent,
	sshwhy.FieldName:          KindWord,
	sshwhy.FieldMode:          KindOctal,
	sshwhy.FieldSize:          KindInt,
	sshwhy.FieldNumber:        KindInt,
	sshwhy.FieldNumber2:       KindInt,
	sshwhy.FieldNumber3:       KindInt,
	sshwhy.FieldNumber4:       KindInt,
	sshwhy.FieldAddress2:      KindAddr,
	sshwhy.FieldModule:        KindWord,
	sshwhy.FieldService:       KindIdent,
	sshwhy.FieldUnit:          KindWord,
	sshwhy.FieldTime:          KindReason,
	sshwhy.FieldPattern:       KindValue,
	sshwhy.FieldFlags:         KindHex,
	sshwhy.FieldOther:         KindWord,
}
