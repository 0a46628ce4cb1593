package sandboxkit

var firstNames = []string{
	"Priya", "Dana", "Sam", "Zoë", "Luis", "Mei", "Omar", "Ingrid", "Tomás", "Aisha", "Noah", "Chloé", "Ravi", "Elena",
	"Kwame", "Sofia", "Liam", "Yuki", "Marta", "Jorge", "Anya", "Ben", "Fatima", "Hugo", "Nina", "Peter", "Grace",
	"Ivan", "Lena", "Marcus", "Olga", "Paulo", "Quinn", "Rosa", "Stefan", "Tara", "Uma", "Victor", "Wendy", "Xavier",
}

var lastNames = []string{
	"Shah", "Ortiz", "O'Brien", "Müller", "Nguyen", "Kowalski", "García", "Smith", "Johansson", "Okafor", "Tanaka",
	"van Dyk", "Rossi", "Novák", "Haddad", "Chen", "Silva", "Dubois", "Murphy", "Patel", "Lindqvist", "Baker", "Costa",
	"Dietrich", "Evans", "Fischer", "Goldberg", "Hughes", "Ito", "Jensen", "Kim", "Larsen", "Moreau", "Nowak", "Price",
	"Quispe", "Romero", "Sato", "Turner", "Ueda", "Vargas", "Weber", "Young", "Zhang",
}

var companyNames = []string{
	"Acme Dental", "Bluebird Solar", "Cedar & Sons", "Delta Roofing", "Evergreen HVAC", "Fox River Realty",
	"Granite Law", "Harbor Insurance", "Iron Gate Security", "Juniper Clinics", "Keystone Movers", "Lakeside Motors",
	"Maple Finance", "Northwind Traders", "Oak Street Bakery", "Pioneer Plumbing", "Quarry Homes", "Redwood Travel",
	"Summit Staffing", "Tidewater Marine",
}

var streets = []string{
	"Main St", "Oak Ave", "2nd St", "Maple Dr", "Cedar Ln", "Park Blvd", "Lake Rd", "Hill St", "River Rd", "Elm Ct",
}

// place is a town with the area code its numbers have.
type place struct{ city, state, zip, area string }

var places = []place{
	{"San Francisco", "CA", "94103", "415"},
	{"Los Angeles", "CA", "90012", "213"},
	{"Denver", "CO", "80202", "303"},
	{"Chicago", "IL", "60601", "312"},
	{"Boston", "MA", "02108", "617"},
	{"Austin", "TX", "78701", "512"},
	{"Seattle", "WA", "98101", "206"},
	{"Miami", "FL", "33128", "305"},
	{"Atlanta", "GA", "30303", "404"},
	{"Portland", "OR", "97204", "503"},
	{"Phoenix", "AZ", "85003", "602"},
	{"Detroit", "MI", "48226", "313"},
	{"Nashville", "TN", "37201", "615"},
	{"Columbus", "OH", "43215", "614"},
	{"Baltimore", "MD", "21202", "410"},
	{"Las Vegas", "NV", "89101", "702"},
	{"Omaha", "NE", "68102", "402"},
	{"Salt Lake City", "UT", "84111", "801"},
	{"Pittsburgh", "PA", "15222", "412"},
	{"Charlotte", "NC", "28202", "704"},
}
