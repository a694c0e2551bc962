package lang_test

import (
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

// TestDoctorCounts says one login and one day as people do.
func TestDoctorCounts(t *testing.T) {
	for _, test := range []struct {
		name           string
		count, n       string
		english, ja    string
		neverEn, never string
	}{
		{"advice-keys-only", "312", "30", "312 of 312 logins of the last 30 days", "過去 30 日間のログイン 312 件はすべて", "24 hours", "24 時間"},
		{"advice-keys-only", "312", "1", "312 of 312 logins of the last 24 hours", "過去 24 時間のログイン 312 件はすべて", "1 days", "1 日間"},
		{"advice-keys-only", "1", "30", "the only login of the last 30 days", "過去 30 日間のログインは 1 件だけ", "1 of 1", "1 件はすべて"},
		{"advice-keys-only", "1", "1", "the only login of the last 24 hours", "過去 24 時間のログインは 1 件だけ", "1 days", "1 日間"},
		{"advice-passwords", "9", "1", "9 of 9 logins of the last 24 hours", "過去 24 時間のログイン 9 件のうち 9 件", "1 days", "1 日間"},
		{"advice-passwords", "1", "2", "the only login of the last 2 days", "過去 2 日間のログインは 1 件だけ", "1 of 1", "1 件のうち"},
		{"advice-noise", "80", "1", "in the last 24 hours on port 22", "過去 24 時間に", "1 days", "1 日間"},
		{"advice-noise", "800", "7", "in the last 7 days on port 22", "過去 7 日間に", "hours", "時間に"},
	} {
		values := func(f sshwhy.Field) string {
			return map[sshwhy.Field]string{sshwhy.FieldCount: test.count, sshwhy.FieldNumber: test.n, sshwhy.FieldLimit: test.count, sshwhy.FieldName: "alice"}[f]
		}
		for language, want := range map[causes.Language][2]string{causes.English: {test.english, test.neverEn}, causes.Japanese: {test.ja, test.never}} {
			got, why, known := lang.DoctorIn(language).Said(test.name, values)
			if !known || why == "" || !strings.Contains(got, want[0]) || strings.Contains(got, want[1]) || strings.Contains(got, "{") {
				t.Errorf("%s of %s in %s days: %q", test.name, test.count, test.n, got)
			}
		}
	}
}
