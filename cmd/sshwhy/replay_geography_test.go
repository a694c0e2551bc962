package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// writtenDatabase makes a database of one network.
func writtenDatabase(t *testing.T, dir, kind, network string, value mmdbtype.Map) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, BuildEpoch: 1795392000, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	_, of, err := net.ParseCIDR(network)
	if err == nil {
		err = tree.Insert(of, value)
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, kind+".mmdb")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestReplayGeography: --geoip adds to JSON lines and to the page what the
// databases have, and is refused where it would do nothing, or harm.
func TestReplayGeography(t *testing.T) {
	dir := t.TempDir()
	japan := mmdbtype.Map{"iso_code": mmdbtype.String("JP"), "names": mmdbtype.Map{"en": mmdbtype.String("Japan"), "ja": mmdbtype.String("日本")}}
	country := writtenDatabase(t, dir, "Test-Country", "192.0.2.0/24", mmdbtype.Map{"country": japan})
	asn := writtenDatabase(t, dir, "Test-ASN", "192.0.2.0/24", mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64500)})
	proxies := writtenDatabase(t, dir, "Test-Anonymous-IP", "192.0.2.0/24", mmdbtype.Map{"is_anonymous": mmdbtype.Bool(true)})
	log, page := filepath.Join(dir, "auth.log"), filepath.Join(dir, "page.html")
	lines := "Nov 20 12:00:00 edge05 sshd[7]: Invalid user bob from 192.0.2.7 port 51234\n" +
		"Nov 20 12:00:00 edge05 sshd[7]: Connection closed by invalid user bob 192.0.2.7 port 51234 [preauth]\n"
	if err := os.WriteFile(log, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}

	out := replayed(t, nil, "--output", "jsonl", "--year", "2026", "--report", page, "--geoip", country, "--geoip", asn, log)
	if want := `"source":{"ip":"192.0.2.7","address":"192.0.2.7","port":51234,"geo":{"country_iso_code":"JP","country_name":"Japan"},"as":{"number":64500}}`; !strings.Contains(out, want) {
		t.Errorf("the object lacks %s:\n%s", want, out)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Japan (JP), AS64500", "Test-Country.mmdb (Test-Country, 2026-11-23)"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if out := replayed(t, nil, "--output", "jsonl", "--year", "2026", log); strings.Contains(out, "geo") {
		t.Errorf("geography without a database:\n%s", out)
	}

	for _, c := range []struct {
		says string
		args []string
	}{
		{"no database in the format of MaxMind", []string{"--output", "jsonl", "--geoip", log}},
		{`"Test-Anonymous-IP", and tells neither countries`, []string{"--output", "jsonl", "--geoip", proxies}},
		{"no such file", []string{"--output", "jsonl", "--geoip", filepath.Join(dir, "missing.mmdb")}},
		{"--anonymise", []string{"--output", "jsonl", "--anonymise", "--geoip", country}},
		{"--report", []string{"--output", "summary", "--geoip", country}},
		{"ecs", []string{"--output", "jsonl", "--schema", "ocsf", "--geoip", country}},
	} {
		var out, errs bytes.Buffer
		err := run(t.Context(), append(append([]string{"replay", "--lang", "en"}, c.args...), log), streams{nil, &out, &errs})
		if err == nil || !strings.Contains(err.Error(), c.says) || out.Len() > 0 {
			t.Errorf("%v: %v\n%s", c.args, err, &out)
		}
	}
}
