package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

func TestRoleTable(t *testing.T) {
	verbs := []Verb{
		ReadFeed, ReadValues, ReadContacts, ReadCommands, SettleCommands, ReadSettings, ReadStatus, ReadWebhooks,
		SwitchSync, ReadCatalogs, ChangeCatalogs, RouteCalls, Consume, ReadOperations, RunOperations,
		RebuildProjections, ManageConnections, ManageConsumers,
	}
	// One row a role, one column a verb in the order above.
	want := map[Role]string{
		Auditor:  "1111.111.1...1....",
		Operator: "1.1111111111111..1",
		Engineer: "1111.111.1.111.1..",
		Consumer: "1.....1....11.....",
		Admin:    "111111111111111111",
		"guest":  "..................",
	}
	for role, row := range want {
		var got strings.Builder
		for _, v := range verbs {
			if role.May(v) {
				got.WriteByte('1')
			} else {
				got.WriteByte('.')
			}
		}
		if got.String() != row {
			t.Errorf("%s may %s, want %s", role, got.String(), row)
		}
		if role.Valid() == (role == "guest") {
			t.Errorf("%s valid: %v", role, role.Valid())
		}
	}
}

func TestStaticTokens(t *testing.T) {
	sum := sha256.Sum256([]byte("feed-secret"))
	s, err := NewStatic("boot", "warehouse:consumer:"+hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]Identity{
		"boot":        {Name: "bootstrap", Role: Admin},
		"feed-secret": {Name: "warehouse", Role: Consumer},
	} {
		if who, ok := s.Identify(t.Context(), token); !ok || who.Name != want.Name || who.Role != want.Role {
			t.Errorf("%s: got %v %v, want %v", token, who, ok, want)
		}
	}
	for _, token := range []string{"", "boo", "boot ", hex.EncodeToString(sum[:])} {
		if who, ok := s.Identify(t.Context(), token); ok {
			t.Errorf("%q opens as %v", token, who)
		}
	}
	empty, _ := NewStatic("")
	if _, ok := empty.Identify(t.Context(), ""); ok {
		t.Error("no token configured, and the empty one opens")
	}
}

func TestBadTokenLinesAreNotRepeated(t *testing.T) {
	for _, line := range []string{"s3cret", "a:owner:s3cret", "a:consumer:s3cret", ":admin:s3cret", "a:b:c:s3cret"} {
		_, err := NewStatic("", line)
		if err == nil {
			t.Errorf("%q is taken", line)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

func TestBearer(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer abc": "abc", "bearer  abc ": "abc", "Basic abc": "", "abc": "", "": "", "Bearer": "",
	} {
		if got := bearer(header); got != want {
			t.Errorf("%q gives %q, want %q", header, got, want)
		}
	}
}
