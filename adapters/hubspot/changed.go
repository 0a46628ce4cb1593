package hubspot

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/duolog/duolog/adapters"
)

var _ adapters.Changes = (*Client)(nil)

// changedQuery looks for records changed since a moment, after an id, in the order of ids. Each page is a search of its
// own that begins behind the page before: so many may have changed at one moment as will, none goes past the 10,000
// results a search shows.
func changedQuery(since time.Time, after string) query {
	return query{
		FilterGroups: []filterGroup{{Filters: []filter{
			{Property: "lastmodifieddate", Operator: "GTE", Value: strconv.FormatInt(max(since.UnixMilli(), 0), 10)},
			{Property: idProperty, Operator: "GT", Value: after},
		}}},
		Sorts:      []sorting{{Property: idProperty, Direction: "ASCENDING"}},
		Properties: []string{idProperty}, Limit: maxBatch,
	}
}

const idProperty = "hs_object_id"

// Changed finds records by search, which lags, and reads each page as it stands now.
func (c *Client) Changed(ctx context.Context, since time.Time, properties []string, fn func([]adapters.Snapshot) error) error {
	properties = withIdentifying(properties)
	for after := "0"; ; {
		var ids []string
		var snapshots []adapters.Snapshot
		if err := c.patiently(ctx, func() (err error) {
			ids, snapshots, err = c.changedPage(ctx, changedQuery(since, after), properties)
			return err
		}); err != nil {
			return plain(err)
		}
		if len(ids) == 0 {
			return nil
		}
		if ids[len(ids)-1] == after {
			return unreadable()
		}
		after = ids[len(ids)-1]
		if err := fn(snapshots); err != nil {
			return err
		}
		if len(ids) < maxBatch {
			return nil
		}
	}
}

func (c *Client) changedPage(ctx context.Context, q query, properties []string) (ids []string, found []adapters.Snapshot, err error) {
	var page listAnswer
	if _, err = c.fetch(ctx, c.search, http.MethodPost, c.paths.contacts("/search"), q, &page); err != nil {
		return nil, nil, err
	}
	if err = addressed(page.Results...); err != nil || len(page.Results) == 0 {
		return nil, nil, err
	}
	for _, o := range page.Results {
		ids = append(ids, o.ID)
	}
	a, begun, err := c.batchRead(ctx, "id", ids, properties)
	for _, o := range a.Results {
		found = append(found, o.snapshot(begun, properties...))
	}
	if err == nil {
		err = c.unknown(ctx, found)
	}
	return ids, found, err
}
