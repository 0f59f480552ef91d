package gatewaytest_test

import (
	"fmt"
	"net/http"

	"github.com/lateengo/gateway/gatewaytest"
	"github.com/lateengo/gateway/spec/istio"
)

// A Tester checks cases without package testing.
func ExampleSuite_Open() {
	suite := gatewaytest.Suite{Source: istio.Files("testdata/shop.yaml")}
	tester, err := suite.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tester.Close()
	result := tester.Check(gatewaytest.Case{
		Request: gatewaytest.Request{
			URL:    "http://shop.example.com/reviews/7",
			Header: http.Header{"End-User": {"jasmine"}},
		},
		Expect: gatewaytest.Expect{Route: "testers"},
	})
	fmt.Print(result.String())
	// Output:
	// asked  GET http://shop.example.com/reviews/7  end-user: jasmine
	// route
	//   want "testers"
	//   got  "everybody", number 1 of default/shop: prefix /reviews/ (testdata/shop.yaml:31:5)
	// why    default/shop testers lacks header end-user exact "jason"; the request has "jasmine" (testdata/shop.yaml:24:35)
}
