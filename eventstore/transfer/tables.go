package transfer

import (
	"strings"

	"github.com/duolog/duolog/eventstore"
)

// table is one that is copied: its columns, the first key of which are its primary key.
type table struct {
	name    string
	columns []eventstore.Column
	key     int
	where   string // which rows, besides those of the connection
}

// of makes a table of "name:kind" words: kinds are i(nt), t(ext) and b(ytes).
func of(name string, key int, words string) table {
	t := table{name: name, key: key}
	kinds := map[string]eventstore.Kind{"i": eventstore.Int, "t": eventstore.Text, "b": eventstore.Bytes}
	for _, word := range strings.Fields("connection:t " + words) {
		column, kind, _ := strings.Cut(word, ":")
		t.columns = append(t.columns, eventstore.Column{Name: column, Kind: kinds[kind]})
	}
	return t
}

func (t table) only(where string) table { t.where = " AND " + where; return t }

// small are the tables that change in place. They are read in the snapshot that says where the log ends, and so fit it:
// the planner's place, what waits to be sent, plans, secrets, checkpoints of consumers, and deliveries put aside.
var small = []table{
	of("outbound", 2, "version:i live:i position:i control:t updated_at:i").only("live = 1"),
	of("outbox", 2, "command:t system:t lane:t input:i kind:t contact:t record:t source:t urgent:i state:t attempts:i "+
		"sent:i attempt:t epoch:i deadline:i next_at:i created_at:i subject:t payload:b error:t"),
	of("plan_row", 3, "plan:t n:i contact:t digest:t what:t subject:t sample:b"),
	of("secret", 2, "name:t sealed:b updated_at:i"),
	of("consumer", 2, "name:t kind:t filter:t lease:i log_id:b generation:i epoch:i created_at:i"),
	of("consumer_partition", 3, "consumer:t partition:i position:i member:t epoch:i advanced_at:i"),
	of("consumer_parked", 3, "consumer:t position:i partition:i reason:t attempts:i again:i parked_at:i"),
	of("consumer_token", 3, "consumer:t token:t"),
	of("rejected_webhook", 3, "kind:t id:t at:i system:t status:i reason:t url:t offered:t account:t vendor:t position:i"),
	of("erased_identifier", 3, "token:t erasure:t"),
	of("parked_delivery", 2, "key:b id:t at:i system:t account:t vendor:t reason:t subject:t body:b"),
}

// The log itself. Rows up to a position are there for ever, so they are read page by page, long after the snapshot.
var (
	heads = of("log_head", 1, "log_id:b generation:i position:i recorded_at:i key_epoch:i demo:i master_id:t secret:b")
	// events by position.
	events = of("event", 2, "position:i id:b stream:t type:t schema:i occurred_at:i recorded_at:i actor:t causation:i "+
		"subject:t data:b key_hash:b hash:b")
	appendKeys  = of("append_key", 2, "key:b position:i")
	subjectKeys = of("subject_key", 2, "subject:t master_id:t wrapped:b since:i")
	treeHashes  = of("tree_hash", 2, "first:i size:i hashes:b")
	treeHeads   = of("tree_head", 3, "size:i generation:i note:t")
)

// wrapped is the only column that may be NULL: the subject was erased.
const wrapped = "wrapped"

// left are the tables that are not copied: they are filled from the log, or say who works on it now.
var left = map[string]bool{
	"projection": true, "projection_live": true, "parked": true, "projection_bench": true,
	"contact": true, "contact_record": true, "contact_field": true, "contact_key": true, "contact_policy": true,
	"history_entry": true, "catalog_entry": true, "catalog_deal": true, "catalog_pull": true,
	"operation": true, "operation_page": true, "operation_skipped": true, "operation_plan": true,
	"outbound_record": true, "outbound_contact": true, "outbound_key": true,
	"lease": true, "lease_fence": true, "consumer_member": true, "transfer": true, "rebuild": true,
	"goose_db_version": true, "goose_lock": true,
}

// Copied and Left name the tables that are copied, and those that are not: together they must be all there are.
func Copied() []string {
	names := []string{
		heads.name, events.name, appendKeys.name, subjectKeys.name, treeHashes.name, treeHeads.name,
	}
	for _, t := range small {
		names = append(names, t.name)
	}
	return names
}

// Left reports a table that is not copied.
func Left(name string) bool { return left[name] }

func (t table) selected() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.Name
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + t.name + " WHERE connection = $1" + t.where
}

// scan reads one row, to be written as it is.
func (t table) scan(r eventstore.Rows) ([]any, error) {
	dest := make([]any, len(t.columns))
	for i, c := range t.columns {
		switch c.Kind {
		case eventstore.Int:
			dest[i] = new(int64)
		case eventstore.Text:
			dest[i] = new(string)
		case eventstore.Bytes:
			dest[i] = new([]byte)
		}
	}
	if err := r.Scan(dest...); err != nil {
		return nil, err
	}
	for i := range dest {
		switch v := dest[i].(type) {
		case *int64:
			dest[i] = *v
		case *string:
			dest[i] = *v
		case *[]byte:
			if dest[i] = *v; len(*v) == 0 && t.columns[i].Name != wrapped { // a driver may read an empty value as nil
				dest[i] = []byte{}
			}
		}
	}
	return dest, nil
}
