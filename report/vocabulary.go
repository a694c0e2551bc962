package report

import (
	"strings"

	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/patterns"
)

// Vocabulary is the words that sshd, PAM and the C library use themselves. A
// word that is not among them may be somebody's name.
type Vocabulary struct {
	known map[string]bool
	// whole are texts that a rule of the catalogue of causes asks for; they
	// are sshd's own.
	whole map[string]bool
}

// NewVocabulary takes the words from the literal parts of the messages, and
// adds what stands in their fields: the words of errno, the keywords of
// sshd_config, the names of algorithms.
func NewVocabulary(p *patterns.Catalogue, c *causes.Catalogue) *Vocabulary {
	v := &Vocabulary{known: map[string]bool{}, whole: map[string]bool{}}
	for i := range p.Entries {
		for _, l := range p.Entries[i].Lines {
			v.literals(l.Template)
		}
	}
	for _, list := range [...]string{commonWords, errnoWords, keywords, algorithms} {
		for word := range strings.FieldsSeq(list) {
			v.known[strings.ToLower(word)] = true
		}
	}
	for i := range c.Causes {
		for _, proof := range c.Causes[i].Proof {
			for _, text := range proof.When {
				v.whole[text] = true
			}
		}
	}
	return v
}

// literals adds the words of a template outside its fields.
func (v *Vocabulary) literals(template string) {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case c == '{':
			depth++
			b.WriteByte(' ')
		case c == '}':
			depth = max(0, depth-1)
		case depth > 0:
		case strings.IndexByte("[]|()\\", c) >= 0:
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
	}
	for word := range strings.FieldsSeq(b.String()) {
		word = strings.Trim(word, closing+"<#=")
		if len(word) > 1 || word == "a" {
			v.known[strings.ToLower(word)] = true
		}
	}
}

// has tells whether a token is a word of the vocabulary.
func (v *Vocabulary) has(word []byte) bool {
	var space [64]byte
	if len(word) > len(space) {
		return false
	}
	lower := space[:len(word)]
	for i, c := range word {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	return v.known[string(lower)]
}

// names tells a word that a name follows.
func (v *Vocabulary) names(word []byte) bool {
	switch string(word) {
	case "for", "by", "as", "from", "From", "host", "rhost", "hostname", "to", "of", "with", "name":
		return true
	}
	return v.namesUser(word)
}

// namesUser tells a word that the name of a user or group follows, be it made
// of digits.
func (v *Vocabulary) namesUser(word []byte) bool {
	switch string(word) {
	case "user", "User", "username", "ruser", "logname", "account", "group", "Group", "identity", "ID", "principal", "login", "owner":
		return true
	}
	return false
}

// joins tells a word that is never a name: it goes on with the sentence.
func (v *Vocabulary) joins(word []byte) bool { return joining[string(word)] }

// value tells a word that can stand as the value of NAME=VALUE without being
// anybody's name.
func (v *Vocabulary) value(word []byte) bool {
	switch string(word) {
	case "ssh", "sshd", "yes", "no", "none", "root", "success", "failed":
		return true
	}
	return false
}

var joining = func() map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(`a an the is are was were be been not no does did do has had have and or but in on at by for from of to with without
		that this these those it its any all more too than then if when while because since after before during
		invalid illegal unknown authenticating authentication publickey password keyboard-interactive hostbased none root port
		ssh sshd ssh2 pam error failed failure denied refused allowed key keys file files command option connection session user users`) {
		m[word] = true
	}
	return m
}()

const commonWords = `a an the this that these those is are was were be been being am do does did done has have had having will would can could may might must shall should
	not no nor and or but if then else when while until because since before after during for from by with without within of on off in into out to at as up down over under
	about against between through again further once here there all any both each few more most other some such only own same so than too very one two three first second last next
	new old bad good wrong right left yes none null nil true false it its their them they we you your who whom whose which what where why how
	found find get got give given set unset use used using uses user users try tried trying attempt attempts fail failed fails failing failure failures success successful
	error errors warning warnings notice info debug fatal invalid illegal unknown unexpected missing unable cannot can't couldn't won't doesn't don't
	open opened opening close closed closing read reading write writing written send sending sent receive received receiving start started starting stop stopped stopping
	connect connected connecting connection connections disconnect disconnected session sessions request requests response reply message messages packet packets
	key keys file files directory path line lines name names host hosts server client port ports address addresses password passwords passphrase
	login logout account accounts group groups authentication authenticate authenticated authorized authorization permission permissions denied allowed refused rejected accepted
	check checking checked load loaded loading create created remove removed change changed process child parent signal exit status code type version protocol
	limit limits time timeout timed expired expire expires length size buffer memory number value option options argument arguments command shell subsystem channel terminal
	ignored ignoring skipped disabled enabled required supported unsupported deprecated available valid too many long short large small empty full
	hello preauth postauth monitor privsep sandbox sshd sshd-session sshd-auth pam root port bytes seconds minutes attempt
	auth setcred chauthtok pam_sm_authenticate pam_sm_setcred pam_sm_acct_mgmt pam_sm_open_session pam_sm_close_session pam_sm_chauthtok`

// errnoWords are those of strerror(3) and ssherr.c.
const errnoWords = `operation permitted no such file or directory process interrupted system call input/output error device address argument list too long exec format
	bad descriptor child processes resource temporarily unavailable cannot allocate memory permission denied block required busy exists invalid cross-device link
	not a is in use open files inappropriate ioctl for text large space left on illegal seek read-only links broken pipe numerical argument out of domain result
	deadlock avoided name locks function implemented directory empty levels symbolic loops message desired type protocol family supported already requested assign
	network down unreachable dropped connection reset aborted by peer buffer endpoint connected shutdown references timed refused host route progress stale handle
	quota exceeded key expired revoked rejected service incomplete internal insufficient data bignum negative unexpected library libcrypto crypto signature incorrect
	mac algorithm compression cipher exchange matching found certificate passphrase supplied decrypt private size elliptic curve string number unknown agent`

// keywords are those of sshd_config(5) and of the options in authorized_keys
// (sshd(8)), with the values that are words.
const keywords = `AcceptEnv AddressFamily AllowAgentForwarding AllowGroups AllowStreamLocalForwarding AllowTcpForwarding AllowUsers AuthenticationMethods AuthorizedKeysCommand
	AuthorizedKeysCommandUser AuthorizedKeysFile AuthorizedPrincipalsCommand AuthorizedPrincipalsCommandUser AuthorizedPrincipalsFile Banner CASignatureAlgorithms ChannelTimeout
	ChallengeResponseAuthentication ChrootDirectory Ciphers ClientAliveCountMax ClientAliveInterval Compression DenyGroups DenyUsers DisableForwarding ExposeAuthInfo FingerprintHash
	ForceCommand GatewayPorts GSSAPIAuthentication GSSAPICleanupCredentials GSSAPIKeyExchange GSSAPIStrictAcceptorCheck HostbasedAcceptedAlgorithms HostbasedAcceptedKeyTypes
	HostbasedAuthentication HostbasedUsesNameFromPacketOnly HostCertificate HostKey HostKeyAgent HostKeyAlgorithms IgnoreRhosts IgnoreUserKnownHosts Include IPQoS
	KbdInteractiveAuthentication KerberosAuthentication KerberosGetAFSToken KerberosOrLocalPasswd KerberosTicketCleanup KexAlgorithms KeyRegenerationInterval ListenAddress LoginGraceTime
	LogLevel LogVerbose MACs Match MaxAuthTries MaxSessions MaxStartups ModuliFile PasswordAuthentication PermitEmptyPasswords PermitListen PermitOpen PermitRootLogin PermitTTY
	PermitTunnel PermitUserEnvironment PermitUserRC PerSourceMaxStartups PerSourceNetBlockSize PerSourcePenalties PerSourcePenaltyExemptList PidFile Port PrintLastLog PrintMotd Protocol
	PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes PubkeyAuthentication PubkeyAuthOptions RDomain RefuseConnection RekeyLimit RequiredRSASize RevokedKeys RhostsRSAAuthentication
	RSAAuthentication SecurityKeyProvider ServerKeyBits SetEnv SshdAuthPath SshdSessionPath StreamLocalBindMask StreamLocalBindUnlink StrictModes Subsystem SyslogFacility TCPKeepAlive
	TrustedUserCAKeys UnusedConnectionTimeout UseDNS UseLogin UsePAM UsePrivilegeSeparation VersionAddendum X11DisplayOffset X11Forwarding X11UseLocalhost XAuthLocation
	agent-forwarding cert-authority environment expiry-time permitlisten permitopen port-forwarding principals pty no-pty restrict tunnel user-rc X11-forwarding
	no-agent-forwarding no-port-forwarding no-user-rc no-X11-forwarding no-touch-required verify-required force-command source-address permit-X11-forwarding permit-agent-forwarding
	permit-port-forwarding permit-pty permit-user-rc without-password prohibit-password forced-commands-only internal-sftp sftp scp rsync
	QUIET FATAL ERROR INFO VERBOSE DEBUG DEBUG1 DEBUG2 DEBUG3 publickey password keyboard-interactive hostbased gssapi-with-mic gssapi-keyex none pam bsdauth skey
	ssh-connection ssh-userauth`

// algorithms are the names in the offers of the usual clients and servers.
const algorithms = `none zlib zlib@openssh.com ext-info-c ext-info-s kex-strict-c-v00@openssh.com kex-strict-s-v00@openssh.com
	curve25519-sha256 curve25519-sha256@libssh.org curve448-sha512 ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521 sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com
	sntrup4591761x25519-sha512@tinyssh.org mlkem768x25519-sha256 mlkem768nistp256-sha256 mlkem1024nistp384-sha384
	diffie-hellman-group1-sha1 diffie-hellman-group14-sha1 diffie-hellman-group14-sha256 diffie-hellman-group15-sha512 diffie-hellman-group16-sha512 diffie-hellman-group17-sha512
	diffie-hellman-group18-sha512 diffie-hellman-group-exchange-sha1 diffie-hellman-group-exchange-sha256 rsa1024-sha1 rsa2048-sha256
	rsa dsa dss ecdsa ed25519 ed448 xmss rsa1 rsa-cert dsa-cert ecdsa-cert ed25519-cert ecdsa-sk ed25519-sk ecdsa-sk-cert ed25519-sk-cert
	ssh-rsa ssh-dss ssh-ed25519 ssh-ed448 rsa-sha2-256 rsa-sha2-512 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 sk-ssh-ed25519@openssh.com
	sk-ecdsa-sha2-nistp256@openssh.com webauthn-sk-ecdsa-sha2-nistp256@openssh.com ssh-rsa-cert-v01@openssh.com ssh-dss-cert-v01@openssh.com ssh-ed25519-cert-v01@openssh.com
	rsa-sha2-256-cert-v01@openssh.com rsa-sha2-512-cert-v01@openssh.com ecdsa-sha2-nistp256-cert-v01@openssh.com ecdsa-sha2-nistp384-cert-v01@openssh.com
	ecdsa-sha2-nistp521-cert-v01@openssh.com sk-ssh-ed25519-cert-v01@openssh.com sk-ecdsa-sha2-nistp256-cert-v01@openssh.com ssh-rsa-cert-v00@openssh.com ssh-dss-cert-v00@openssh.com
	ssh-xmss@openssh.com ssh-xmss-cert-v01@openssh.com xmss-cert mldsa44-ed25519 mldsa44-ed25519-cert ssh-mldsa44-ed25519 ssh-mldsa44-ed25519-cert
	ssh-mldsa44-ed25519@openssh.com ssh-mldsa44-ed25519-cert-v01@openssh.com x509v3-ssh-rsa x509v3-sign-rsa x509v3-ssh-dss pgp-sign-rsa pgp-sign-dss null
	aes128-ctr aes192-ctr aes256-ctr aes128-gcm@openssh.com aes256-gcm@openssh.com aes128-gcm aes256-gcm chacha20-poly1305@openssh.com chacha20-poly1305 aes128-cbc aes192-cbc aes256-cbc
	3des-cbc 3des-ctr blowfish-cbc blowfish-ctr cast128-cbc cast128-ctr arcfour arcfour128 arcfour256 twofish-cbc twofish128-cbc twofish192-cbc twofish256-cbc
	serpent128-cbc serpent192-cbc serpent256-cbc idea-cbc des-cbc rijndael-cbc@lysator.liu.se
	hmac-md5 hmac-md5-96 hmac-sha1 hmac-sha1-96 hmac-sha2-256 hmac-sha2-512 hmac-ripemd160 hmac-ripemd160@openssh.com umac-64@openssh.com umac-128@openssh.com
	hmac-md5-etm@openssh.com hmac-md5-96-etm@openssh.com hmac-sha1-etm@openssh.com hmac-sha1-96-etm@openssh.com hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com
	hmac-ripemd160-etm@openssh.com umac-64-etm@openssh.com umac-128-etm@openssh.com implicit`
