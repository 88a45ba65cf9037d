//! An application cannot reach its database, cache or broker: by what its driver says, or by the port or name of the peer that refused.

use crate::rules::toolbox::complaints::{complaints, findings};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-database-unreachable
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: libpq
    in: [container-log, status]
    pattern: 'connection to server at "(?P<host>[^"]+)"[^:]*, port (?P<port>\d+) failed: (?P<reason>Connection refused|Connection timed out|timeout expired|No route to host|server closed the connection unexpectedly|FATAL: +the database system is (?:starting up|shutting down|in recovery mode))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: libpq-old
    in: [container-log, status]
    pattern: 'could not connect to server: (?P<reason>Connection refused|Connection timed out|No route to host|Host is unreachable)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: libpq-socket
    in: [container-log, status]
    pattern: 'connection to server on socket "(?P<socket>[^"]+)" failed: (?P<reason>No such file or directory|Connection refused)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: pg-state
    in: [container-log, status]
    pattern: '(?P<reason>the database system is (?:starting up|shutting down|in recovery mode|not accepting connections))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: pg-jdbc
    in: [container-log, status]
    pattern: 'Connection to (?P<peer>[\w.-]+:\d+) refused\. Check that the hostname and port are correct'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: pg-jdbc-failed
    in: [container-log, status]
    pattern: 'org\.postgresql\.util\.PSQLException: (?P<reason>The connection attempt failed)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mysql
    in: [container-log, status]
    pattern: 'Can''t connect to (?:local )?(?:MySQL |MariaDB )?server (?:through socket|on|at) ?''(?P<host>[^'':]+)(?::(?P<port>\d+))?'''
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mysql-jdbc
    in: [container-log, status]
    pattern: '(?P<reason>Communications link failure)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mysql-pdo
    in: [container-log, status]
    pattern: 'SQLSTATE\[HY000\] \[2002\] (?P<reason>Connection refused|Connection timed out|No route to host|Operation timed out|No such file or directory)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mysql-lost
    in: [container-log, status]
    pattern: '(?P<reason>Lost connection to (?:MySQL|MariaDB) server at ''[^'']+''|MySQL server has gone away)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: hikari
    in: [container-log, status]
    pattern: 'Failed to initialize pool: (?P<reason>[^\n]{3,80})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: hikari-none
    in: [container-log, status]
    pattern: 'Connection is not available, request timed out after \d+ms \(total=0'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: stackexchange
    in: [container-log, status]
    pattern: 'Redis(?:Timeout|Connection)Exception: (?P<reason>Timeout (?:performing|awaiting)|No connection is (?:active/)?available|It was not possible to connect)[ -~]{0,400}?(?:node|serverEndpoint): (?:Unspecified/)?(?P<peer>[\w.-]+:\d+)'
  - id: mongo
    in: [container-log, status]
    pattern: '(?:MongoNetworkError|MongoServerSelectionError|MongooseServerSelectionError|MongooseError|MongoTimeoutException|MongoSocketOpenException|ServerSelectionTimeoutError)[:,]? ?(?P<reason>[^\n]{0,120})'
    unless: '(?i)\$\{|openUri|wire version|kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mongo-java
    in: [container-log, status]
    pattern: '(?P<reason>Timed out (?:after|while) [^\n]{0,40}(?:waiting for a server|while waiting to connect))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mongo-go
    in: [container-log, status]
    pattern: 'server selection error: (?P<reason>server selection timeout|context deadline exceeded)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: redis-py
    in: [container-log, status]
    pattern: 'Error (?:\d+ )?(?:while )?connecting to (?:Redis at )?(?P<peer>[\w.-]+:\d+)\. (?P<reason>Connection refused|Connect call failed|Multiple exceptions|timed out|No route to host)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: redis-cli
    in: [container-log, status]
    pattern: 'Could not connect to Redis at (?P<peer>[\w.:-]+): (?P<reason>Connection refused|Connection timed out|No route to host)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: redis-java
    in: [container-log, status]
    pattern: '(?P<reason>Unable to connect to (?:Redis\b|\[?(?P<peer>[\w.-]+[:/]+6379))|RedisConnectionFailureException|JedisConnectionException: [^\n]{0,80}|Cannot connect to Redis)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: redis-ruby
    in: [container-log, status]
    pattern: 'Error connecting to Redis on (?P<peer>[\w.-]+:\d+) \((?P<reason>[^)]+)\)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: redis-dotnet
    in: [container-log, status]
    pattern: '(?P<reason>It was not possible to connect to the redis server)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: redis-node
    in: [container-log, status]
    pattern: '(?P<reason>MaxRetriesPerRequestError: [^\n]{0,80}|Redis(?: client)? (?:connection )?[Ee]rror[^\n]{0,20}ECONNREFUSED)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: kafka-java
    in: [container-log, status]
    pattern: 'Connection to node -?\d+ \((?P<peer>[^)\s]+)\) could not be established\. (?P<reason>(?:Broker|Node) may not be available)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: kafka-bootstrap
    in: [container-log, status]
    pattern: 'Bootstrap broker (?P<peer>[\w.-]+:\d+) \(id: [^)]*\) (?P<reason>disconnected)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: kafka
    in: [container-log, status]
    pattern: '(?P<reason>client has run out of available brokers|NoBrokersAvailable|Timed out waiting for a node assignment|Timeout expired while fetching topic metadata|brokers? (?:are )?down|KafkaJSConnectionError|KafkaJSNumberOfRetriesExceeded)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: librdkafka
    in: [container-log, status]
    pattern: '(?P<peer>[\w.-]+:\d+)/\w+: (?:Connect to [^\n]*failed: )?(?P<reason>Connection refused|Connection timed out|No route to host|Connection setup timed out in state CONNECT)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: amqp
    in: [container-log, status]
    pattern: '(?P<reason>AMQPConnectionError|AmqpConnectException|None of the specified endpoints were reachable|AMQPIOException|RabbitMQ\D{0,20}(?:ECONNREFUSED|not reachable))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: elasticsearch
    in: [container-log, status]
    pattern: '(?P<reason>NoNodeAvailableException|None of the configured nodes (?:are|were) available|Unable to retrieve version information from Elasticsearch nodes|No living connections|NoLivingConnectionsError|Elasticsearch (?:cluster )?is (?:down|unreachable)|no available connection: no Elasticsearch node available)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mssql
    in: [container-log, status]
    pattern: '(?P<reason>A network-related or instance-specific error occurred while establishing a connection to SQL Server)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: oracle
    in: [container-log, status]
    pattern: '(?P<reason>ORA-(?:12170|12541|12514|12545|17002))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mysql-dotnet
    in: [container-log, status]
    pattern: '(?P<reason>Unable to connect to any of the specified MySQL hosts)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: pg-dotnet
    in: [container-log, status]
    pattern: 'NpgsqlException[^\n]{0,40}: (?P<reason>Failed to connect to (?P<peer>[\w.-]+:\d+)|Exception while (?:connecting|reading from stream))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mongo-c
    in: [container-log, status]
    pattern: '(?P<reason>No suitable servers found[^\n]{0,60}): \[[^\]\n]*?''(?P<peer>[\w.-]+:\d+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mongo-dotnet
    in: [container-log, status]
    pattern: '(?P<reason>MongoConnectionException: An exception occurred while opening a connection|A timeout occurred after \d+ms selecting a server)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mongo-ruby
    in: [container-log, status]
    pattern: '(?P<reason>Mongo::Error::NoServerAvailable)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: ecto
    in: [container-log, status]
    pattern: 'DBConnection\.ConnectionError\) tcp (?:connect|recv)[^\n]{0,10}\((?P<peer>[\w.-]+:\d+)\): (?P<reason>[^\n]{3,60})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: sqlx
    in: [container-log, status]
    pattern: '(?P<reason>error communicating with database: (?:Connection refused|Connection reset|[^\n]{3,40}))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: cassandra
    in: [container-log, status]
    pattern: '(?P<reason>NoHostAvailable(?:Exception)?|Unable to connect to any servers)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: memcached
    in: [container-log, status]
    pattern: '(?P<reason>memcache: no servers configured|No Memcached servers)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: prisma
    in: [container-log, status]
    pattern: 'Can''t reach database server at `(?P<peer>[^`]+)`'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: words
    in: [container-log, status]
    pattern: '(?i)(?:failed|unable|cannot|could not|error) (?:to )?connect(?:ing)? to (?:the )?(?P<store>database|db|postgres(?:ql)?|mysql|mariadb|mongo(?:db)?|redis|rabbitmq|kafka|elasticsearch|sql server)\b'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: words-after
    in: [container-log, status]
    pattern: '(?i)(?P<store>database|postgres(?:ql)?|mysql|mongo(?:db)?|redis|rabbitmq|kafka)(?: server| connection| host)? (?:is )?(?P<reason>unreachable|unavailable|not reachable|connection (?:failed|refused|timed? ?out|error))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # mysql-connector, PyMySQL, mysql2 and mysqljs: it was connected, and the server went away.
  - id: mysql-during
    in: [container-log, status]
    pattern: '(?P<lost>Lost connection to (?:MySQL|MariaDB) server during query|MySQL Connection not available|PROTOCOL_CONNECTION_LOST|Connection lost: The server closed the connection)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # libpq fe-exec.c, pgjdbc QueryExecutorImpl.java, asyncpg, node-postgres client.js, Prisma: it was connected, and the server went away.
  - id: pg-during
    in: [container-log, status]
    pattern: '(?P<lost>terminating connection due to (?:administrator command|unexpected postmaster exit)|server closed the connection unexpectedly|SSL SYSCALL error: EOF detected|SSL connection has been closed unexpectedly|An I/O error occurred while sending to the backend|PQconsumeInput\(\)[^\n]{0,80}|PG::UnableToSend[^\n]{0,40}|connection was closed in the middle of operation|Error: Connection terminated (?:unexpectedly|due to connection timeout)|P1017: Server has closed the connection)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver|port \d+ failed'
  - id: pg-asyncio
    in: [container-log, status]
    pattern: 'Multiple exceptions: \[Errno \d+\] Connect call failed \(''[^'']*'', 5432\b'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # mariadb-connector-j ConnectionHelper.java
  - id: mariadb-jdbc
    in: [container-log, status]
    pattern: '(?:Could not connect to|Socket fail to connect to) (?:(?:host:)?address=\(host=(?P<host>[\w.-]+)\)\(port=(?P<port>\d+)\)|host:[\w.-]+|[\w.-]+\. Connection (?:refused|timed out))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # mssql-jdbc SQLServerResource.java: R_tcpipConnectionFailed
  - id: mssql-jdbc
    in: [container-log, status]
    pattern: 'The TCP/IP connection to the host (?P<host>[\w.-]+), port (?P<port>\d+) has failed\.(?: Error: \\?\"(?P<reason>[^\n.\"]{3,60}))?'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # tedious connection.ts
  - id: mssql-node
    in: [container-log, status]
    pattern: 'Failed to connect to (?P<peer>[\w.-]+:1433)(?: - (?P<reason>[^\n]{3,80}))?'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: mssql-odbc
    in: [container-log, status]
    pattern: '\[Microsoft\]\[ODBC Driver \d+ for SQL Server\](?P<reason>Login timeout expired|(?:\[Microsoft\])?TCP Provider: [^\n]{3,80})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # ojdbc, python-oracledb errors.py, node-oracledb errors.js
  - id: oracle-clients
    in: [container-log, status]
    pattern: '(?P<reason>ORA-(?:12537|12547|12543|12535|12528|12526|12523|12505|01033|01034)\b|The Network Adapter could not establish the connection|DPY-600[0135]|NJS-(?:503|510|511|518)\b)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: oracle-during
    in: [container-log, status]
    pattern: '(?P<lost>ORA-(?:03113|03114|03135|17800|17002)\b|DPY-4011|NJS-500\b)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: pg-python
    in: [container-log, status]
    pattern: 'psycopg2?\.OperationalError: (?P<reason>(?:the )?connection (?:is|has been) (?:closed|lost)|consuming input failed[^\n]{0,60}|sending query failed[^\n]{0,60})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # mongo-rust-driver error.rs
  - id: mongo-rust
    in: [container-log, status]
    pattern: '(?P<reason>Server selection timeout: No available servers)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # go-redis error.go, redis-py cluster.py, ioredis
  - id: redis-cluster
    in: [container-log, status]
    pattern: '(?P<reason>redis: (?:cluster has no nodes|all sentinels specified in configuration are unreachable)|All sentinels are unreachable[^\n]{0,60}|Redis Cluster cannot be connected|ClusterAllFailedError[^\n]{0,80})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: redis-loading
    in: [container-log, status]
    pattern: '(?P<reason>LOADING Redis is loading the dataset in memory|BusyLoadingError[^\n]{0,60})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # redis-py connection.py, node-redis errors.ts, phpredis library.c
  - id: redis-clients
    in: [container-log, status]
    pattern: '(?:redis\.exceptions\.(?:TimeoutError|ConnectionError): (?P<reason>Timeout connecting to server|Connection closed by server|Error while reading from (?P<peer>[\w.-]+:\d+)[^\n]{0,60})|(?P<lost>SocketClosedUnexpectedlyError: [^\n]{0,60}|RedisException: read error on connection[^\n]{0,60}|Redis server (?:[\w.-]+:\d+ )?went away))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # redis-client (Ruby), Predis AbstractConnection.php, phpredis
  - id: redis-url
    in: [container-log, status]
    pattern: '(?:RedisClient::CannotConnectError|Redis::CannotConnectError|Predis\\+Connection\\+ConnectionException|RedisException): (?P<reason>Connection (?:refused|timed out|reset by peer)|Operation timed out|No route to host)(?:[^\n]{0,60}?(?:redis|tcp)s?://(?P<peer>[\w.-]+:\d+))?'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # StackExchange.Redis ExceptionFactory.cs
  - id: redis-dotnet-none
    in: [container-log, status]
    pattern: '(?P<reason>No connection is (?:active/)?available to service this operation)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver|serverEndpoint|node: '
  - id: mongo-during
    in: [container-log, status]
    pattern: '(?P<lost>MongoSocketReadException: [^\n]{0,60}|MongoNodeIsRecoveringException[^\n]{0,60}|pymongo\.errors\.(?:AutoReconnect|NetworkTimeout)[^\n]{0,80})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # librdkafka rdkafka.c, aiokafka client.py, kafka-python, ruby-kafka, kafka-clients ProducerBatch.java
  - id: kafka-transport
    in: [container-log, status]
    pattern: '(?P<reason>Local: (?:Broker transport failure|All broker connections are down)|KafkaConnectionError: Unable to bootstrap from[^\n]{0,60}|Failed to update metadata after [\d.]+ secs|Could not connect to any of the seed brokers|Expiring \d+ record\(s\) for [\w.-]+:\s?\d+ ms has passed[^\n]{0,30})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # RabbitMQ.Client, bunny exceptions.rb, php-amqp, Symfony Messenger, MassTransit, amqplib connect.js, pika
  - id: amqp-clients
    in: [container-log, status]
    pattern: '(?P<reason>BrokerUnreachableException|Could not establish TCP connection to any of the configured hosts|AMQPConnectionException: [^\n]{0,80}|Could not connect to the AMQP server[^\n]{0,60}|Connection Failed: rabbitmq://[^\s]{1,80}|Socket closed abruptly during opening handshake|Stream connection lost: [^\n]{0,60})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # celery worker/consumer/consumer.py: CONNECTION_ERROR
  - id: amqp-celery
    in: [container-log, status]
    pattern: 'consumer: Cannot connect to \w+://(?:[^@\s/]*@)?(?P<peer>[\w.-]+:\d+)[^\s]*: (?P<reason>\[Errno [^\n]{3,60}|timed out|[^\n]{3,60})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # nats.go nats.go: ErrNoServers; nats.py errors.py; nats.js
  - id: nats-clients
    in: [container-log, status]
    pattern: '(?P<reason>nats: no servers available for connection|NatsError: CONNECTION_REFUSED)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # elasticsearch-php, olivere/elastic, elasticsearch ClusterBlockException.java
  - id: search-clients
    in: [container-log, status]
    pattern: '(?P<reason>No alive nodes(?: found in your cluster|\. All the \d+ nodes seem to be down)|no Elasticsearch node available)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # java-driver, gocql errors
  - id: cassandra-clients
    in: [container-log, status]
    pattern: '(?P<reason>AllNodesFailedException: [^\n]{0,80}|Could not reach any contact point|gocql: no (?:hosts available in the pool|response received from cassandra))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # zookeeper KeeperException.java, curator, kazoo, go-zookeeper
  - id: zookeeper
    in: [container-log, status]
    pattern: '(?P<reason>KeeperErrorCode = (?:ConnectionLoss|SessionExpired)|CuratorConnectionLossException|KazooTimeoutError: Connection time-out|zk: could not connect to a server)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: memcached-clients
    in: [container-log, status]
    pattern: '(?P<reason>MemcacheUnexpectedCloseError|Dalli::(?:RingError|NetworkError)[^\n]{0,60})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver|Mongo'
  # tokio-postgres error/mod.rs
  - id: rust-postgres
    in: [container-log, status]
    pattern: '(?P<reason>error connecting to server: (?:Connection refused|Connection timed out|[^\n]{3,40}))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # php-src ext/mysqli
  - id: mysqli
    in: [container-log, status]
    pattern: 'mysqli?(?:_connect\(\)|::__construct\(\)|_sql_exception)[^\n]{0,30}(?:\(HY000/2002\)|2002)?: (?P<reason>Connection refused|Connection timed out|No route to host)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # ProxySQL MySQL_Session.cpp: no server of the group is online, or none has room
  - id: proxysql
    in: [container-log, status]
    pattern: '(?P<reason>Max connect timeout reached while reaching hostgroup \d+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # mysql-server share/messages_to_clients.txt: ER_HOST_IS_BLOCKED
  - id: mysql-blocked
    in: [container-log, status]
    pattern: '(?P<reason>Host ''[^'']*'' is blocked because of many connection errors)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # Lettuce, redis-py, Spring Data, StackExchange.Redis, redis-client, Npgsql, Prisma, nats.go, librdkafka, psycopg: nothing came back in time.
  - id: timeouts
    in: [container-log, status]
    pattern: '(?P<slow>RedisCommandTimeoutException(?:: [^\n]{1,60})?|redis\.exceptions\.TimeoutError: Timeout reading from socket|QueryTimeoutException: Redis command timed out|RedisTimeoutException: Timeout performing \w+|Redis(?:Client)?::(?:Read)?TimeoutError|NpgsqlException[^\n]{0,20}: (?:The operation has timed out|Timeout during reading attempt)|Error: P1002\b|nats: timeout|Local: Message timed out|psycopg\.errors\.ConnectionTimeout|ioredis[^\n]{0,60}connect ETIMEDOUT)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver|serverEndpoint|node: '
  # pika, amqplib, celery worker/consumer/consumer.py, amqp091-go
  - id: broker-during
    in: [container-log, status]
    pattern: '(?P<lost>CONNECTION_FORCED - broker forced connection closure[^\n]{0,40}|Connection to broker lost\. Trying to re-establish|Exception \(50[14]\) Reason: \\?\"(?:EOF|channel/connection is not open))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: connection-closed
    in: [container-log, status]
    pattern: '(?:psycopg2?\.(?:InterfaceError|OperationalError)|django\.db\.utils\.(?:InterfaceError|OperationalError)|PSQLException): (?P<lost>connection already closed|the connection is closed|This connection has been closed)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
finds:
  subject: application
  confidence: confirmed
  clients_only: true
  out_of_reach: true
check:
  zh: '应用能否连到它的数据库、缓存或消息中间件'
  en: 'whether an application reaches its database, cache or broker'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{% if lost is defined %}与数据库{% if peer %} {{ peer }}{% endif %}的连接中断（{{ lost }}）{% elif slow is defined %}数据库{% if peer %} {{ peer }}{% endif %} 没有及时应答（{{ slow }}）{% else %}连不上数据库{% if peer %} {{ peer }}{% elif store is defined %}（{{ store }}）{% endif %}{% endif %}{% if reason is defined %}（{{ reason }}）{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the database{% if peer %} {{ peer }}{% elif store is defined %} ({{ store }}){% endif %} {% if lost is defined %}ends its connections ({{ lost }}){% elif slow is defined %}does not answer in time ({{ slow }}){% else %}cannot be reached{% endif %}{% if reason is defined %} ({{ reason }}){% endif %}'
cause:
  zh: '应用写出 {{ said }}（共 {{ times }} 次）：{% if lost is defined %}连接已经建立，随后在使用中断开：数据库重启或退出，或中间的设备关闭了连接。{% elif slow is defined %}请求发出后没有在期限内得到应答：数据库过载、被长时间的操作占住，或报文在途中丢失。{% else %}到数据库的连接没有建立，还没有走到登录。{% endif %}{% if crashing %}容器因此{% if exit_code %}以退出码 {{ exit_code }} {% endif %}结束，已重启 {{ restarts }} 次。{% endif %}'
  en: 'the application wrote {{ said }} ({{ times|times }}): {% if lost is defined %}it was connected and the connection broke while it was in use: the database restarted or ended, or something between the two closed it.{% elif slow is defined %}no answer came in time: the database is overloaded or held up by a long operation, or packets get lost on the way.{% else %}no connection to the database came about, so it never got to a login.{% endif %}{% if crashing %} The container ends over it{% if exit_code %} with exit code {{ exit_code }}{% endif %}, {{ restarts|restarts }}.{% endif %}'
causes:
  - rule: app-broker-topic-missing
    ground: workload
    mechanism: {zh: '连不上消息中间件，客户端就得不到主题的元数据', en: 'a client that does not reach the broker has no metadata of its topics'}
  - rule: app-connection-pool-exhausted
    ground: workload
    mechanism:
      zh: '服务端拒绝新的连接，连接池等不到连接'
      en: 'the server refuses new connections, so the pool waits in vain'
  - rule: app-config-invalid
    ground: workload
    mechanism:
      zh: '配置里的这一项使它不能启动'
      en: 'this setting keeps it from starting'
  - rule: app-migration-failed
    ground: workload
    mechanism:
      zh: '迁移连不上或用不了数据库'
      en: 'the migration cannot reach or use its database'
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '应用因此退出，kubelet 反复重启'
      en: 'the application ends over it and the kubelet restarts it'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '容器不能就绪'
      en: 'its containers do not get ready'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，就绪探针失败'
      en: 'it cannot serve, so the readiness probe fails'
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，存活探针失败'
      en: 'it cannot serve, so the liveness probe fails'
  - rule: job-backoff-limit
    ground: workload
    mechanism:
      zh: '任务的每次尝试都因此失败'
      en: 'every attempt of the Job fails over it'
  - rule: app-upstream-refused
    ground: workload
    mechanism:
      zh: '同一次连接失败'
      en: 'it is the same failed connection'
  - rule: service-unreachable
    ground: workload
    mechanism: {zh: "客户端据此写出连接失败", en: "its clients write that connections fail"}
benign:
  - zh: '启动时等待数据库的几次重试，成功之后不算'
    en: 'retries at start until the database is up do not count once they succeed'
  - zh: '数据库自身的故障才是原因，这里只是它的表现'
    en: 'where the database itself is in trouble, that is the cause and this its effect'
remedy:
  - purpose:
      zh: '查看这段日志的前后文'
      en: 'read what stands around this line'
    place: cluster
    risk: read-only
    command: '{{ log_command|raw }}'
    expect:
      zh: '出现 {{ said }}'
      en: 'it shows {{ said }}'
    verify:
      zh: '与本报告引用的行一致'
      en: 'it agrees with the lines quoted here'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '查看数据库的 Service、端点与 Pod'
      en: 'look at the database''s Service, endpoints and pods'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get service,endpoints,pods -o wide'
    expect:
      zh: '该 Service 有就绪的端点，端口一致'
      en: 'the Service has ready endpoints, and the port agrees'
    verify:
      zh: '确认是地址或端口写错，还是数据库没有运行'
      en: 'known: the wrong address or port, or the database does not run'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '恢复数据库，或改正应用里的主机与端口，然后滚动重启'
      en: 'bring the database back, or correct host and port in the application, then restart'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}'
    verify:
      zh: '应用启动后日志不再出现该错误，Pod 就绪'
      en: 'the log no longer shows the error after a restart and the pod is ready'
    rollback:
      zh: '恢复修改前的值并再次滚动重启'
      en: 'put the former value back and restart again'
prevention:
  - kind: mitigate
    text:
      zh: '应用启动时对数据库连接做带退避的重试'
      en: 'retry the database with a back-off at start'
    acceptance:
      zh: '先启动应用、一分钟后启动数据库，应用自行恢复'
      en: 'started a minute before its database, the application recovers by itself'
  - kind: detect
    text:
      zh: '对该工作负载不可用持续 5 分钟告警'
      en: 'alert when the workload is unavailable for 5 minutes'
    acceptance:
      zh: '在测试环境重现该故障，按时收到告警'
      en: 'the alert arrives in time when the fault is made in a test environment'
sources:
  - 'StackExchange.Redis ExceptionFactory.cs: `Timeout performing {command}`, `serverEndpoint: {endpoint}`'
  - 'postgresql src/interfaces/libpq/fe-connect.c'
  - 'mysql-connector-j CommunicationsException'
  - 'ProxySQL lib/MySQL_Session.cpp: error 9001'
  - 'brettwooldridge/HikariCP HikariPool.java'
  - 'mongodb drivers server selection specification'
  - 'redis-py connection.py, hiredis, lettuce, jedis'
  - 'apache/kafka clients NetworkClient.java; librdkafka rdkafka_broker.c'
  - 'elastic/elasticsearch-js; kibana'
  - 'Microsoft.Data.SqlClient'
  - 'mysql-connector, PyMySQL, mysql2 and mysqljs'
  - 'libpq fe-exec.c, pgjdbc QueryExecutorImpl.java, asyncpg, node-postgres client.js, Prisma'
  - 'mariadb-connector-j ConnectionHelper.java'
  - 'mssql-jdbc SQLServerResource.java'
  - 'tedious connection.ts'
  - 'ojdbc, python-oracledb errors.py, node-oracledb errors.js'
  - 'mongo-rust-driver error.rs'
  - 'go-redis error.go, redis-py cluster.py, ioredis'
  - 'redis-py connection.py, node-redis errors.ts, phpredis library.c'
  - 'redis-client (Ruby), Predis AbstractConnection.php, phpredis'
  - 'librdkafka rdkafka.c, aiokafka client.py, kafka-python, ruby-kafka, kafka-clients ProducerBatch.java'
  - 'RabbitMQ.Client, bunny exceptions.rb, php-amqp, Symfony Messenger, MassTransit, amqplib connect.js, pika'
  - 'celery worker/consumer/consumer.py'
  - 'nats.go nats.go'
  - 'elasticsearch-php, olivere/elastic, elasticsearch ClusterBlockException.java'
  - 'java-driver, gocql errors'
  - 'zookeeper KeeperException.java, curator, kazoo, go-zookeeper'
  - 'tokio-postgres error/mod.rs'
  - 'php-src ext/mysqli'
  - 'mysql-server share/messages_to_clients.txt'
  - 'Lettuce, redis-py, Spring Data, StackExchange.Redis, redis-client, Npgsql, Prisma, nats.go, librdkafka, psycopg'
  - 'pika, amqplib, celery worker/consumer/consumer.py, amqp091-go'
versions: 'any'
examples:
  - name: 'MySQL from Java; table and log'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        tariffs-5d88b9c6f4-x7k2v          0/1     CrashLoopBackOff   7 (90s ago)   41m
      'tariffs-5d88b9c6f4-x7k2v.log': |
        ERROR HikariPool-1 - Exception during pool initialization.
        com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure
        Caused by: java.net.ConnectException: Connection refused
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'tariffs'}
  - name: 'a PostgreSQL port refused to a Go program; objects'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}}]}'
      'logs/web-0.log': |
        FATAL dial tcp 10.96.4.9:5432: connect: connection refused
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'web'}
  - name: 'retries at start that ended well'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        tariffs-5d88b9c6f4-x7k2v          1/1     Running            0             41m
      'tariffs.log': |
        could not connect to server: Connection refused
        could not connect to server: Connection refused
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
  - name: 'what drivers of other languages say'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        billing-5d9b66ccf4-2dzqv          0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        stock-7c5ddbdf54-x7k2v            0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        search-5d88b9c6f4-q8w9z           0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        portal-6c8d7f5b9c-4xk2p           0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        mailer-74cd6f8b9d-zz4kb           0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        ledger-66f7d9c8b5-t5n6m           0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        invoice-58b9c7d6f4-vw7hx          0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        album-9f6c5b8d7-8kqrs             0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        tariffs-5b7d9c6f8-b2c4d           0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        catalog-7d9f8c6b5-m4n5p           0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        basket-6f5b9d8c7-k9j8h            0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx.log': |
        starting
        java.sql.SQLNonTransientConnectionException: Socket fail to connect to address=(host=mariadb)(port=3306)(type=primary). Connection refused
      'billing-5d9b66ccf4-2dzqv.log': |
        starting
        com.microsoft.sqlserver.jdbc.SQLServerException: The TCP/IP connection to the host mssql, port 1433 has failed. Error: "Connection refused. Verify the connection properties.
      'stock-7c5ddbdf54-x7k2v.log': |
        starting
        ConnectionError: Failed to connect to mssql:1433 - Could not connect (sequence)
      'search-5d88b9c6f4-q8w9z.log': |
        starting
        java.sql.SQLRecoverableException: IO Error: The Network Adapter could not establish the connection
      'portal-6c8d7f5b9c-4xk2p.log': |
        starting
        pymysql.err.OperationalError: (2013, 'Lost connection to MySQL server during query')
      'mailer-74cd6f8b9d-zz4kb.log': |
        starting
        Error: Connection terminated unexpectedly
      'ledger-66f7d9c8b5-t5n6m.log': |
        starting
        redis.exceptions.BusyLoadingError: Redis is loading the dataset in memory
      'invoice-58b9c7d6f4-vw7hx.log': |
        starting
        RedisClient::CannotConnectError: Connection refused - connect(2) for 10.43.9.9:6379 (redis://redis:6379)
      'album-9f6c5b8d7-8kqrs.log': |
        starting
        aiokafka.errors.KafkaConnectionError: KafkaConnectionError: Unable to bootstrap from [('kafka', 9092, <AddressFamily.AF_UNSPEC: 0>)]
      'tariffs-5b7d9c6f8-b2c4d.log': |
        starting
        Bunny::TCPConnectionFailedForAllHosts: Could not establish TCP connection to any of the configured hosts
      'catalog-7d9f8c6b5-m4n5p.log': |
        starting
        nats: no servers available for connection
      'basket-6f5b9d8c7-k9j8h.log': |
        starting
        com.datastax.oss.driver.api.core.AllNodesFailedException: Could not reach any contact point, make sure you have provided valid addresses
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
      - {kind: 'Deployment', namespace: 'shop', name: 'billing'}
      - {kind: 'Deployment', namespace: 'shop', name: 'stock'}
      - {kind: 'Deployment', namespace: 'shop', name: 'search'}
      - {kind: 'Deployment', namespace: 'shop', name: 'portal'}
      - {kind: 'Deployment', namespace: 'shop', name: 'mailer'}
      - {kind: 'Deployment', namespace: 'shop', name: 'ledger'}
      - {kind: 'Deployment', namespace: 'shop', name: 'invoice'}
      - {kind: 'Deployment', namespace: 'shop', name: 'album'}
      - {kind: 'Deployment', namespace: 'shop', name: 'tariffs'}
      - {kind: 'Deployment', namespace: 'shop', name: 'catalog'}
      - {kind: 'Deployment', namespace: 'shop', name: 'basket'}
  - name: 'a pool that is closed on the way out'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx.log': |
        INFO the pool closes: java.sql.SQLException: Connection is closed
        Error: Client network socket is idle
  - name: 'answers that do not come, and brokers that close'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        billing-5d9b66ccf4-2dzqv          0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        stock-7c5ddbdf54-x7k2v            0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        search-5d88b9c6f4-q8w9z           0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        portal-6c8d7f5b9c-4xk2p           0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx.log': |
        starting
        io.lettuce.core.RedisCommandTimeoutException: Command timed out after 1 minute(s)
      'billing-5d9b66ccf4-2dzqv.log': |
        starting
        pika.exceptions.ConnectionClosedByBroker: (320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'")
      'stock-7c5ddbdf54-x7k2v.log': |
        starting
        org.apache.kafka.common.errors.TimeoutException: Expiring 5 record(s) for orders-0:120000 ms has passed since batch creation
      'search-5d88b9c6f4-q8w9z.log': |
        starting
        django.db.utils.OperationalError: the connection is closed
      'portal-6c8d7f5b9c-4xk2p.log': |
        starting
        KafkaError{code=_MSG_TIMED_OUT,val=-192,str="Local: Message timed out"}
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
      - {kind: 'Deployment', namespace: 'shop', name: 'billing'}
      - {kind: 'Deployment', namespace: 'shop', name: 'stock'}
      - {kind: 'Deployment', namespace: 'shop', name: 'search'}
      - {kind: 'Deployment', namespace: 'shop', name: 'portal'}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let mut mine = complaints(
        input.snapshot,
        &|id| id.starts_with("app-database-unreachable/"),
        subjects,
    );
    let peers = complaints(input.snapshot, &|id| id.starts_with("app-upstream-refused/"), subjects);
    mine.extend(peers.into_iter().filter(|complaint| complaint.peer().is_data_store()));
    findings(input, rule, mine)
}
