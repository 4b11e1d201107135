# In jupyter_server_config.py. jupyter-server-proxy has no option for messages of an application.
import tornado.websocket

tornado.websocket._default_max_message_size = 1024**3
