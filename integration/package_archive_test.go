//go:build integration && linux

package integration

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// archive is what a package holds, whichever its kind.
type archive struct {
	*testing.T
	from                string // the clone that it was made of
	name, version, arch string
	needs               []string            // names of other packages, or of their files
	scripts             map[string]string   // by the kind's own names
	files               map[string]archived // by absolute path; folders apart
	configs             []string            // files that an upgrade leaves as they are
}

// archived is a file of a package.
type archived struct {
	mode  int64 // permissions alone
	owner string
	body  []byte
}

// packageKinds is where a package of each kind differs from the others.
var packageKinds = []struct {
	kind     string
	file     func(version, arch string) string
	read     func(*testing.T, []byte) *archive
	arch     map[string]string // what it calls the processors
	needs    []string
	scripts  map[string]string // their names, and the files that they are
	zsh      string
	protects bool // whether it says which files are the administrator's
}{
	{
		"deb", func(v, a string) string { return "sshwhy_" + v + "_" + a + ".deb" }, readDeb,
		map[string]string{"amd64": "amd64", "arm64": "arm64"}, []string{"passwd"},
		map[string]string{"postinst": "postinstall.sh", "prerm": "preremove.sh", "postrm": "postremove.sh"},
		"/usr/share/zsh/vendor-completions/_sshwhy", true,
	},
	{
		"rpm", func(v, a string) string { return "sshwhy-" + v + "-1." + a + ".rpm" }, readRPM,
		map[string]string{"amd64": "x86_64", "arm64": "aarch64"}, []string{"/usr/sbin/useradd"},
		map[string]string{"post": "postinstall.sh", "preun": "preremove.sh", "postun": "postremove.sh"},
		"/usr/share/zsh/site-functions/_sshwhy", true,
	},
	{
		// Alpine protects all of /etc.
		"apk", func(v, a string) string { return "sshwhy_" + v + "_" + a + ".apk" }, readAPK,
		map[string]string{"amd64": "x86_64", "arm64": "aarch64"}, nil,
		map[string]string{".post-install": "postinstall.sh", ".post-upgrade": "postinstall.sh", ".pre-deinstall": "preremove.sh", ".post-deinstall": "postremove.sh"},
		"/usr/share/zsh/site-functions/_sshwhy", false,
	},
}

// archivesHold reads the packages of a directory, those that cannot be installed
// here among them, and holds each to what it must contain.
func archivesHold(t *testing.T, dist, version string, architectures []string) {
	for _, arch := range architectures {
		for _, k := range packageKinds {
			t.Run(k.kind+" "+arch, func(t *testing.T) {
				a := k.read(t, []byte(readFile(t, filepath.Join(dist, k.file(version, k.arch[arch])))))
				a.T, a.from = t, filepath.Dir(dist)
				if a.name != "sshwhy" || !strings.HasPrefix(a.version, version) || a.arch != k.arch[arch] {
					t.Errorf("it is %s %s for %s", a.name, a.version, a.arch)
				}
				if !slices.Equal(a.needs, k.needs) {
					t.Errorf("it needs %q, and should need %q", a.needs, k.needs)
				}
				a.holdsScripts(k.scripts)
				if k.protects && !slices.Equal(a.configs, []string{"/etc/sshwhy/sshwhy.yaml"}) {
					t.Errorf("the administrator's files are %q", a.configs)
				}
				a.holdsFiles(filepath.Join(dist, arch, "sshwhy"), k.zsh)
			})
		}
	}
}

// holdsScripts expects the scripts to be those of deploy/package, and no others.
func (a *archive) holdsScripts(names map[string]string) {
	a.Helper()
	if got, want := slices.Sorted(maps.Keys(a.scripts)), slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
		a.Errorf("it has the scripts %q, and should have %q", got, want)
	}
	for name, file := range names {
		if want := readFile(a.T, filepath.Join(a.from, "deploy/package", file)); strings.TrimSpace(a.scripts[name]) != strings.TrimSpace(want) {
			a.Errorf("the script %s is not %s but\n%s", name, file, a.scripts[name])
		}
	}
}

// holdsFiles expects the files that a package has, with their modes and
// contents, and no others.
func (a *archive) holdsFiles(program, zsh string) {
	a.Helper()
	// Where its content can be found, if that is a file of the project.
	want := map[string]struct {
		mode int64
		from string
	}{
		"/usr/bin/sshwhy":                                  {0o755, program},
		"/etc/sshwhy/sshwhy.yaml":                          {0o640, "deploy/package/sshwhy.yaml"},
		"/usr/lib/systemd/system/sshwhy.service":           {0o644, "deploy/systemd/sshwhy.service"},
		"/usr/lib/systemd/system/sshwhy-inspect.service":   {0o644, "deploy/systemd/sshwhy-inspect.service"},
		"/usr/lib/systemd/system/sshwhy-inspect.socket":    {0o644, "deploy/systemd/sshwhy-inspect.socket"},
		"/usr/share/bash-completion/completions/sshwhy":    {0o644, ""},
		"/usr/share/fish/vendor_completions.d/sshwhy.fish": {0o644, ""},
		zsh:                               {0o644, ""},
		"/usr/share/doc/sshwhy/copyright": {0o644, "LICENSE"},
		"/usr/share/doc/sshwhy/README.md": {0o644, "README.md"},
	}
	pages, documents := 0, 0
	for path, f := range a.files {
		w, known := want[path]
		switch {
		case f.owner != "root:root":
			a.Errorf("%s belongs to %s", path, f.owner)
		case strings.HasPrefix(path, "/usr/share/man/man1/sshwhy"):
			pages++
			if page := unzipped(a.T, f.body); !bytes.Contains(page, []byte(".SH SYNOPSIS")) || f.mode != 0o644 {
				a.Errorf("%s has mode %o and is no manual page:\n%.200s", path, f.mode, page)
			}
		case strings.HasPrefix(path, "/usr/share/doc/sshwhy/docs/"):
			documents++
			if readFile(a.T, filepath.Join(a.from, strings.TrimPrefix(path, "/usr/share/doc/sshwhy/"))) != string(f.body) || f.mode != 0o644 {
				a.Errorf("%s has mode %o, or is another page", path, f.mode)
			}
		case path == "/usr/share/doc/sshwhy/changelog.Debian.gz":
			if !bytes.Contains(unzipped(a.T, f.body), []byte("sshwhy (")) {
				a.Errorf("%s tells of no version", path)
			}
		case !known:
			a.Errorf("%s should not be in it", path)
		case f.mode != w.mode || len(f.body) == 0:
			a.Errorf("%s has mode %o and %d bytes", path, f.mode, len(f.body))
		}
		if !known || w.from == "" {
			continue
		}
		if !filepath.IsAbs(w.from) {
			w.from = filepath.Join(a.from, w.from)
		}
		if readFile(a.T, w.from) != string(f.body) {
			a.Errorf("%s is not %s", path, w.from)
		}
	}
	for path := range want {
		if _, ok := a.files[path]; !ok {
			a.Errorf("%s is missing", path)
		}
	}
	if pages < 10 || documents < 20 {
		a.Errorf("there are %d manual pages and %d documents", pages, documents)
	}
	a.holdsProgram(a.files["/usr/bin/sshwhy"].body)
}

// holdsProgram expects one that needs no library, for the package's processor.
func (a *archive) holdsProgram(body []byte) {
	a.Helper()
	f, err := elf.NewFile(bytes.NewReader(body))
	if err != nil {
		a.Error(err)
		return
	}
	want := elf.EM_X86_64
	if a.arch == "arm64" || a.arch == "aarch64" {
		want = elf.EM_AARCH64
	}
	if f.Machine != want {
		a.Errorf("the program is for %s", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			a.Errorf("the program needs others: %s", p.Type)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unzipped(t *testing.T, packed []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	must(t, err)
	text, err := io.ReadAll(z)
	must(t, err)
	return text
}

// readTar gives the files of a packed tar archive by their names as they stand
// there, without a ./ in front.
func readTar(t *testing.T, packed []byte) map[string]archived {
	t.Helper()
	all := map[string]archived{}
	r := tar.NewReader(bytes.NewReader(unzipped(t, packed)))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // a part of an .apk has no end
			return all
		}
		must(t, err)
		body, err := io.ReadAll(r)
		must(t, err)
		if h.Typeflag == tar.TypeDir {
			if h.Mode&0o777 != 0o755 {
				t.Errorf("the folder %s has mode %o", h.Name, h.Mode)
			}
			continue
		}
		if want, ok := h.PAXRecords["APK-TOOLS.checksum.SHA1"]; ok {
			if sum := sha1.Sum(body); hex.EncodeToString(sum[:]) != want {
				t.Errorf("%s has another checksum than is noted", h.Name)
			}
		}
		owner := h.Uname + ":" + h.Gname
		if owner == ":" && h.Uid == 0 && h.Gid == 0 {
			owner = "root:root" // by number alone
		}
		all[strings.TrimPrefix(h.Name, "./")] = archived{h.Mode & 0o7777, owner, body}
	}
}

// absolute gives the files of a tar archive by their paths on the host.
func absolute(files map[string]archived) map[string]archived {
	all := map[string]archived{}
	for name, f := range files {
		all["/"+strings.TrimPrefix(name, "/")] = f
	}
	return all
}

// readDeb reads deb(5): an ar archive of two tar archives.
func readDeb(t *testing.T, b []byte) *archive {
	t.Helper()
	rest, ok := bytes.CutPrefix(b, []byte("!<arch>\n"))
	if !ok {
		t.Fatal("it is no .deb")
	}
	parts := map[string][]byte{}
	for len(rest) >= 60 {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		must(t, err)
		parts[strings.TrimRight(string(rest[:16]), " /")] = rest[60 : 60+size]
		rest = rest[min(60+size+size%2, len(rest)):]
	}
	control := readTar(t, parts["control.tar.gz"])
	a := &archive{scripts: map[string]string{}, files: absolute(readTar(t, parts["data.tar.gz"])), configs: strings.Fields(string(control["conffiles"].body))}
	for name, f := range control {
		if !slices.Contains([]string{"control", "md5sums", "conffiles"}, name) {
			a.scripts[name] = string(f.body)
		}
	}
	fields := fieldsOf(control["control"].body, ": ")
	a.name, a.version, a.arch, a.needs = fields.one("Package"), fields.one("Version"), fields.one("Architecture"), fields["Depends"]
	return a
}

// fields are lines of a name and a value.
type fields map[string][]string

func fieldsOf(text []byte, between string) fields {
	all := fields{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), between); ok {
			all[name] = append(all[name], value)
		}
	}
	return all
}

func (f fields) one(name string) string { return strings.Join(f[name], ", ") }

// readAPK reads the packages of apk-tools 2: two packed tar archives, one behind
// the other, of which the first has the checksum of the second.
func readAPK(t *testing.T, b []byte) *archive {
	t.Helper()
	var parts [][]byte
	for rest := b; len(rest) > 0; {
		in := bytes.NewReader(rest)
		z, err := gzip.NewReader(in)
		must(t, err)
		z.Multistream(false)
		_, err = io.Copy(io.Discard, z)
		must(t, err)
		end := len(rest) - in.Len()
		parts, rest = append(parts, rest[:end]), rest[end:]
	}
	if len(parts) != 2 {
		t.Fatalf("it has %d parts", len(parts))
	}
	control := readTar(t, parts[0])
	a := &archive{scripts: map[string]string{}, files: absolute(readTar(t, parts[1]))}
	for name, f := range control {
		if name == ".PKGINFO" {
			continue
		}
		a.scripts[name] = string(f.body)
		if f.mode != 0o755 {
			t.Errorf("the script %s has mode %o", name, f.mode)
		}
	}
	info := fieldsOf(control[".PKGINFO"].body, " = ")
	a.name, a.version, a.arch, a.needs = info.one("pkgname"), info.one("pkgver"), info.one("arch"), info["depend"]
	if sum := sha256.Sum256(parts[1]); hex.EncodeToString(sum[:]) != info.one("datahash") {
		t.Error("the files have another checksum than is noted")
	}
	return a
}

// Tags of a header of RPM: lib/rpmtag.h in its sources.
const (
	rpmName, rpmVersion, rpmArch          = 1000, 1001, 1022
	rpmPost, rpmPreun, rpmPostun, rpmPre  = 1024, 1025, 1026, 1023
	rpmModes, rpmDigests, rpmFlags        = 1030, 1035, 1037
	rpmOwners, rpmGroups                  = 1039, 1040
	rpmRequires, rpmChangelog             = 1049, 1082
	rpmFolderOf, rpmBaseNames, rpmFolders = 1116, 1117, 1118
	rpmPayloadFormat, rpmPayloadPacker    = 1124, 1125
	rpmPayloadDigest                      = 5092
	rpmIsConfig, rpmIsNoReplace           = 1 << 0, 1 << 4
)

// rpmHeader holds numbers and texts by tag.
type rpmHeader struct {
	numbers map[int][]int64
	texts   map[int][]string
}

func (h rpmHeader) text(tag int) string { return strings.Join(h.texts[tag], "\n") }

// readRPMHeader reads a header structure, and gives how long it is.
func readRPMHeader(t *testing.T, b []byte) (h rpmHeader, length int) {
	t.Helper()
	if !bytes.HasPrefix(b, []byte{0x8e, 0xad, 0xe8, 1}) {
		t.Fatal("it is no header of an .rpm")
	}
	word := func(at int) int { return int(binary.BigEndian.Uint32(b[at:])) }
	entries := word(8)
	store := b[16+16*entries:][:word(12)]
	h = rpmHeader{map[int][]int64{}, map[int][]string{}}
	for i := range entries {
		at := 16 + 16*i
		tag, kind, value, count := word(at), word(at+4), store[word(at+8):], word(at+12)
		for range count {
			switch kind {
			case 3: // two bytes
				h.numbers[tag] = append(h.numbers[tag], int64(binary.BigEndian.Uint16(value)))
				value = value[2:]
			case 4: // four
				h.numbers[tag] = append(h.numbers[tag], int64(binary.BigEndian.Uint32(value)))
				value = value[4:]
			case 6, 8, 9: // texts that end in a zero
				text, rest, _ := bytes.Cut(value, []byte{0})
				h.texts[tag], value = append(h.texts[tag], string(text)), rest
			}
		}
	}
	return h, 16 + 16*entries + len(store)
}

// readRPM reads the format of RPM 4: a lead, a header of signatures, a header,
// and a packed cpio archive.
func readRPM(t *testing.T, b []byte) *archive {
	t.Helper()
	const lead = 96
	_, length := readRPMHeader(t, b[lead:])
	b = b[lead+(length+7)/8*8:]
	h, length := readRPMHeader(t, b)
	payload := b[length:]
	if sum := sha256.Sum256(payload); hex.EncodeToString(sum[:]) != h.text(rpmPayloadDigest) {
		t.Error("the files have another checksum than is noted")
	}
	if h.text(rpmPayloadFormat) != "cpio" || h.text(rpmPayloadPacker) != "gzip" {
		t.Fatalf("the files are a %s archive, packed by %s", h.text(rpmPayloadFormat), h.text(rpmPayloadPacker))
	}
	if h.text(rpmChangelog) == "" {
		t.Error("it has no changelog")
	}
	a := &archive{name: h.text(rpmName), version: h.text(rpmVersion), arch: h.text(rpmArch), scripts: map[string]string{}, files: map[string]archived{}}
	for name, tag := range map[string]int{"pre": rpmPre, "post": rpmPost, "preun": rpmPreun, "postun": rpmPostun} {
		if script := h.text(tag); script != "" {
			a.scripts[name] = script
		}
	}
	for _, name := range h.texts[rpmRequires] {
		if !strings.HasPrefix(name, "rpmlib(") { // what rpm itself must be able to do
			a.needs = append(a.needs, name)
		}
	}
	a.readCPIO(t, h, unzipped(t, payload))
	return a
}

// readCPIO reads the files that the header names.
func (a *archive) readCPIO(t *testing.T, h rpmHeader, b []byte) {
	t.Helper()
	bodies := map[string][]byte{}
	for {
		field := func(i int) int {
			n, err := strconv.ParseUint(string(b[6+8*i:14+8*i]), 16, 32)
			must(t, err)
			return int(n)
		}
		if !bytes.HasPrefix(b, []byte("070701")) {
			t.Fatalf("%.10q is no file of a cpio archive", b)
		}
		size, end := field(6), 110+field(11)
		name := string(b[110 : end-1])
		if name == "TRAILER!!!" {
			break
		}
		begin := (end + 3) / 4 * 4
		bodies["/"+strings.TrimLeft(name, "./")] = b[begin : begin+size]
		b = b[(begin+size+3)/4*4:]
	}
	for i, name := range h.texts[rpmBaseNames] {
		path := h.texts[rpmFolders][h.numbers[rpmFolderOf][i]] + name
		mode := h.numbers[rpmModes][i]
		if mode&0o170000 == 0o040000 {
			if mode&0o777 != 0o755 {
				t.Errorf("the folder %s has mode %o", path, mode)
			}
			delete(bodies, path)
			continue
		}
		body, ok := bodies[path]
		if sum := sha256.Sum256(body); !ok || hex.EncodeToString(sum[:]) != h.texts[rpmDigests][i] {
			t.Errorf("%s is not in it, or has another checksum than is noted", path)
		}
		delete(bodies, path)
		a.files[path] = archived{mode & 0o7777, h.texts[rpmOwners][i] + ":" + h.texts[rpmGroups][i], body}
		if flags := h.numbers[rpmFlags][i]; flags&rpmIsConfig != 0 && flags&rpmIsNoReplace != 0 {
			a.configs = append(a.configs, path)
		}
	}
	for path := range bodies {
		t.Errorf("%s is in it without being named", path)
	}
}
